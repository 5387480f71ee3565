// kill -9 between poll and upload: what the spool said it keeps is sent by the next process, in order, once, and under the same incarnation.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Shipper } from '../../../agent/ship/shipper.ts';
import { Spool, SPOOL_DEFAULTS } from '../../../agent/spool/spool.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { CollectorDouble } from '../../support/collector-double.ts';
import { talliesOf } from '../../support/counter-tally.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

/** Polls of the program a minute apart in a line of the five-minute grid. */
const GRID_POLLS = 5;

let program: BundledProgram;
let folder: string;

beforeAll(async () => {
  program = await bundledProgram('spool-until-killed.ts');
});

afterAll(() => program.remove());

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-killed-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs until so many more are acknowledged, kills, and gives the last that was. */
async function killAfter(more: number, maxBytes: number, from: number): Promise<number> {
  const child = program.start([folder, String(maxBytes), String(from)]);
  let told = '';
  let last = from;
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
    last = Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1));
    if (last >= from + more) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  return last;
}

/** Starts a spool and a shipper on the folder, as the next process would, until everything is applied; gives the incarnation. */
async function ship(collector: CollectorDouble, maxBytes: number): Promise<string> {
  const clock = new SystemClock();
  const { reporter } = silentReporter();
  const config = { ...SPOOL_DEFAULTS, agent: 'agent-1', folder, maxBytes, maxAgeMs: 1e12 };
  const spool = new Spool(reporter, config, { clock });
  const deps = { clock, spool, http: collector.client(clock), token: () => collector.token, random: () => 0.5 };
  const shipper = new Shipper(
    reporter,
    { agent: 'agent-1', collectorUrls: ['http://collector.test'], timeoutMs: 2000 },
    deps,
  );
  await spool.start();
  await shipper.start();
  await expect.poll(() => spool.firstSequence > spool.lastSequence, { timeout: 20_000 }).toBe(true);
  const { incarnation } = spool;
  await shipper.stop();
  await spool.stop();
  return incarnation;
}

describe('a spool whose process is killed', () => {
  test.for([
    ['with room', 1e9],
    ['that thins', 25_000],
  ] as const)('%s', async ([, maxBytes]) => {
    const collector = new CollectorDouble();
    const acknowledged: number[] = [];
    const incarnations = new Set<string>();
    let from = 0;
    for (let life = 0; life < 3; life += 1) {
      from = await killAfter(83, maxBytes, from);
      acknowledged.push(from);
      // The second process is killed as well before anything was sent.
      if (life > 0) incarnations.add(await ship(collector, maxBytes));
    }
    expect(incarnations.size).toBe(1);
    const sequences = collector.appliedBatches.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, at) => at + 1));
    expect(collector.appliedBatches.flatMap(({ gaps }) => gaps)).toEqual([]);
    const polls = collector.appliedBatches.flatMap((batch) => batch.polls);
    for (const device of ['a', 'b', 'c']) {
      const mine = polls.filter((poll) => poll.device === device);
      const counts = mine.map((poll) => octetsOf(poll));
      expect(counts[0]).toBe(1);
      // Where room is short, the first poll after each line of the grid stands for those behind it; the newest is never thinned.
      const kept = (last: number): number => (maxBytes === 1e9 ? last : Math.floor(last / GRID_POLLS) * GRID_POLLS);
      for (const last of acknowledged) expect(counts).toContain(kept(last));
      expect(counts.at(-1)).toBeGreaterThanOrEqual(from);
      for (const { octets, lost } of talliesOf(mine))
        expect({ octets: Number(octets) + 1, lost }).toEqual({ octets: counts.at(-1), lost: [] });
      if (maxBytes === 1e9)
        expect(counts.toSorted((a, b) => a - b)).toEqual(
          expect.arrayContaining(Array.from({ length: from }, (_, at) => at + 1)),
        );
      else expect(mine.length).toBeLessThan(from);
    }
  });
});

function octetsOf(poll: Poll): number {
  const column = poll.tables[0]?.columns.find(({ name }) => name === 'ifHCInOctets');
  return column?.kind === 'counter' ? Number(column.values[0]) : 0;
}
