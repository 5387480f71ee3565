// The arithmetic of the benchmark's rows, its options and its accounting of processes: what is printed must be what was measured.
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { cpuSeconds, pssBytes, statOf } from '../../bench/machine/processes.ts';
import { benchOptions, PARTS } from '../../bench/options.ts';
import { tableText } from '../../bench/print.ts';
import { figureText, reportOf, rounded, rowOf } from '../../bench/rows.ts';
import { WeirError } from '../../common/runtime/errors.ts';

describe('rows', () => {
  test('the ratio is Weir by the peer, and the goal is judged before anything is rounded', () => {
    const goal = { of: 'ratio', least: 10 } as const;
    const met = rowOf({ what: 'a', weir: 52_345.6, peer: { name: 'p 1.2', figure: 5234.5 }, goal });
    expect(met).toEqual({
      what: 'a',
      weir: 52_346,
      peer: 'p 1.2',
      peer_figure: 5235,
      ratio: 10,
      goal: 'at least 10 × peer',
      goal_met: true,
    });
    const missed = rowOf({ what: 'a', weir: 9_999_999, peer: { name: 'p', figure: 1_000_000 }, goal });
    expect(missed).toMatchObject({ ratio: 10, goal_met: false });
  });

  test('a peer that is missing has no figure and no ratio, meets no goal, and the row says how it is brought', () => {
    const note = 'p is not installed: apt-get install p';
    const row = rowOf({ what: 'a', weir: 7, peer: { name: 'p', figure: null }, goal: { of: 'ratio', least: 1 }, note });
    expect(row).toMatchObject({ weir: 7, peer: 'p', peer_figure: null, ratio: null, goal_met: false, note });
  });

  test.for([
    [{ of: 'weir', most: 120 }, 120, true],
    [{ of: 'weir', most: 120 }, 120.001, false],
    [{ of: 'weir', least: 50_000 }, 49_999.9, false],
    [{ of: 'weir', least: 50_000 }, null, false],
    [{ of: 'weir', least: 0 }, Number.NaN, false],
  ] as const)('goal %o and figure %s: %s', ([goal, weir, met]) => {
    expect(rowOf({ what: 'a', weir, goal }).goal_met).toBe(met);
  });

  test('a peer whose figure is zero gives no ratio', () => {
    const row = rowOf({ what: 'a', weir: 7, peer: { name: 'p', figure: 0 }, goal: { of: 'ratio', least: 1 } });
    expect(row).toMatchObject({ ratio: null, goal_met: false });
  });

  test('the whole meets its goal only where every row does; a row without a goal has nothing to miss', () => {
    const without = rowOf({ what: 'a', weir: 7 });
    const met = rowOf({ what: 'b', weir: 7, goal: { of: 'weir', least: 7 } });
    const missed = rowOf({ what: 'c', weir: 7, goal: { of: 'weir', least: 8 } });
    expect(without).toMatchObject({ goal: null, goal_met: true });
    expect(reportOf([without, met]).goal_met).toBe(true);
    expect(reportOf([met, missed]).goal_met).toBe(false);
  });

  test('figures have three digits, whole ones from a hundred up', () => {
    expect([0.123_45, 9.876, 99.95, 100.4, 1_234_567.8].map(rounded)).toEqual([0.123, 9.88, 100, 100, 1_234_568]);
    expect(figureText(1_234_567.8)).toBe('1,234,568');
    expect(figureText(null)).toBe('–');
  });

  test('what is missed is printed as missed', () => {
    const report = reportOf([
      rowOf({ what: 'fast', weir: 12, peer: { name: 'p', figure: 1 }, goal: { of: 'ratio', least: 10 } }),
      rowOf({ what: 'slow', weir: 3, goal: { of: 'weir', least: 10 }, note: 'on a busy machine' }),
    ]);
    expect(tableText(report).split('\n')).toEqual([
      '      Weir  peer  peer  ratio  goal',
      'fast    12     1  p        12  at least 10 × peer  met',
      'slow     3     –               at least 10         MISSED',
      '    on a busy machine',
      '',
      '1 of 2 rows miss their goal.',
    ]);
  });
});

describe('options', () => {
  test('nothing asks for every part, names for theirs in the usual order', () => {
    expect(benchOptions([])).toEqual({ parts: PARTS, json: false, help: false });
    expect(benchOptions(['--json', 'bridge', 'agent', 'bridge'])).toEqual({
      parts: ['agent', 'bridge'],
      json: true,
      help: false,
    });
  });

  test('parts that take long run only where they are named', () => {
    expect(benchOptions(['detection', 'agent']).parts).toEqual(['agent', 'detection']);
    expect(benchOptions([]).parts).not.toContain('day');
  });

  test.for([['agents'], ['--fast'], ['agent', '--json=yes']])('%o is refused as misused', (args) => {
    let thrown: unknown = null;
    try {
      benchOptions(args);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(WeirError);
    expect(thrown).toMatchObject({ code: 'misused' });
  });
});

describe('processes', () => {
  test('a stat line with any name is read, children that ended included', () => {
    const fields = '5 5 0 -1 0 0 0 0 0 11 22 33 44 20 0 1 0';
    expect(statOf(`123 (a) b (c) S 77 ${fields}`)).toEqual({ parent: 77, ticks: 110 });
  });

  test('what a process burns is counted to those above it, also when it has ended', async () => {
    const before = cpuSeconds([process.pid]);
    const burn = 'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end);';
    const child = spawn(process.execPath, ['-e', burn], { stdio: 'ignore' });
    expect(pssBytes([child.pid ?? -1])).toBeGreaterThan(0);
    await new Promise((resolve) => child.once('exit', resolve));
    expect(cpuSeconds([process.pid]) - before).toBeGreaterThanOrEqual(0.3);
    expect(cpuSeconds([child.pid ?? -1])).toBe(0);
  });
});
