// How much of what LibreNMS found on real devices our profiles find, from recordings answered inside the process. One device: -t NAME.
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import { columnOf } from '../../../common/model/poll.ts';
import { tableNamed } from '../../../cli/poll/document.ts';
import { ASPECTS, type Findings, findingsOf } from '../../support/findings.ts';
import { recordingsOf } from '../../support/recording.ts';
import { pollRecording } from '../../support/recorded-device.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';

/** Lines of each aspect that are printed where one device was asked for. */
const MOST_LINES = Number(process.env['WEIR_MEASURE_LINES'] ?? 12);

describeWith('corpus', 'recordings of real devices, answered in the process', () => {
  const recordings = recordingsOf('recordings');
  const catalogue = loadProfiles('config/profiles');
  const all: {
    readonly name: string;
    readonly profile: string;
    readonly requests: number;
    readonly findings: Findings;
  }[] = [];

  test.each(recordings)('$name', async (recording) => {
    const poll = await pollRecording(path.join(CORPUS, 'recordings', `${recording.name}.snmprec`), catalogue);
    const system = tableNamed(poll, 'system');
    const column = system && columnOf(system, 'profile');
    const profile = column?.kind === 'text' ? (column.values[0] ?? '') : '';
    expect([poll.outcome, poll.failure]).toEqual(['complete', null]);
    expect(profile).not.toBe('');
    for (const table of poll.tables) expect(new Set(table.index).size).toBe(table.index.length);
    all.push({ name: recording.name, profile, requests: poll.requests, findings: findingsOf(recording, poll) });
  });

  afterAll(() => {
    const lines = [
      `  ${'right of expected (found)'.padEnd(40)} ${ASPECTS.map((aspect) => aspect.padStart(16)).join('')}`,
    ];
    const share = (right: number, expected: number, found: number): string =>
      `${right}/${expected} (${found})`.padStart(16);
    for (const { name, profile, findings } of all) {
      const cells = ASPECTS.map((aspect) => {
        const { right, expected, found } = findings[aspect];
        return expected + found === 0 ? ''.padStart(16) : share(right, expected, found);
      });
      lines.push(`  ${`${name} (${profile})`.padEnd(40)} ${cells.join('')}`);
    }
    const totals = ASPECTS.map((aspect) => {
      const sum = (of: 'right' | 'expected'): number => all.reduce((so, one) => so + one.findings[aspect][of], 0);
      return `${((sum('right') * 100) / sum('expected')).toFixed(1)} %`.padStart(16);
    });
    lines.push(`  ${'all'.padEnd(40)} ${totals.join('')}`);
    if (all.length === 1) lines.push(...details());
    process.stdout.write(`${lines.join('\n')}\n`);
  });

  function details(): string[] {
    return all.flatMap(({ requests, findings }) => [
      `  tables and GETs: ${requests}`,
      ...ASPECTS.flatMap((aspect) => [
        ...findings[aspect].missing.slice(0, MOST_LINES).map((line) => `  ${aspect} missing: ${line}`),
        ...findings[aspect].more.slice(0, MOST_LINES).map((line) => `  ${aspect} more:    ${line}`),
      ]),
    ]);
  }
});
