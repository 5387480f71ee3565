// A DuckDB store whose files a crash or a bad disk tore: opened again, and told the journal anew, it equals one that nothing happened to.
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { bundledProgram } from '../../support/bundled-program.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { smallStoreConfig } from '../../support/small-store.ts';
import {
  STEADY_INTERVAL_MS,
  STEADY_PORTS,
  STEADY_START_MS,
  steadyEntries,
  steadyEntry,
} from '../../support/steady-entries.ts';
import { storeContents } from '../../support/store-contents.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-torn-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const freshFile = (): string => path.join(folder, `metrics-${(files += 1)}.duckdb`);

interface OpenedStore {
  readonly store: DuckDbStore;
  readonly lines: readonly string[];
  readonly metrics: () => Promise<string>;
}

async function opened(file: string): Promise<OpenedStore> {
  const { reporter, lines } = silentReporter();
  const store = new DuckDbStore(reporter, smallStoreConfig(file), { clock: new SystemClock() });
  await store.start();
  return { store, lines, metrics: () => reporter.metricsText() };
}

/** Entries in the file since its checkpoint, and then in its log only. */
const IN_FILE = 60;
const END = 700;

/** A store that was killed while it wrote, as it lay on the disk. */
interface Killed {
  readonly file: string;
  readonly log: Buffer;
  readonly committed: number;
}

interface Killing {
  /** It dies once it has told that position. */
  readonly through: number;
  readonly chunk: number;
  /** It rolls up, forgets and compacts meanwhile. */
  readonly upkeep: boolean;
}

async function killedStore({ through, chunk, upkeep }: Killing): Promise<Killed> {
  const file = freshFile();
  const { store } = await opened(file);
  await store.apply(steadyEntries(0, IN_FILE));
  await store.stop();
  const program = await bundledProgram('store-until-killed.ts');
  const child = program.start([file, String(chunk), ...(upkeep ? ['upkeep'] : [])]);
  let committed = 0;
  child.stdout.on('data', (told: Buffer) => {
    committed = Math.max(committed, ...told.toString().trim().split('\n').map(Number));
    if (committed > through) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('exit', resolve));
  program.remove();
  return { file, log: readFileSync(`${file}.wal`), committed };
}

/** Reads the journal from where the store stands. */
async function caughtUp(file: string, end = END): Promise<{ from: number; lines: readonly string[]; metrics: string }> {
  const { store, lines, metrics } = await opened(file);
  const from = await store.position('journal-1');
  for (let position = from; position < end; position = await store.position('journal-1'))
    await store.apply(steadyEntries(position, Math.min(500, end - position)));
  await store.rollUp(STEADY_START_MS + (end / 2) * STEADY_INTERVAL_MS);
  const text = await metrics();
  await store.stop();
  return { from, lines, metrics: text };
}

let killed: Killed;
let whole: Readonly<Record<string, string>>;
beforeAll(async () => {
  killed = await killedStore({ through: IN_FILE + 120, chunk: 3, upkeep: false });
  const file = freshFile();
  await caughtUp(file);
  whole = await storeContents(file);
}, 60_000);

function copyWith(log: Buffer): string {
  const file = freshFile();
  copyFileSync(killed.file, file);
  writeFileSync(`${file}.wal`, log);
  return file;
}

const setAside = (file: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith(`${path.basename(file)}.wal`) && name.includes('torn'));

function altered(log: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(log);
  change(bytes);
  return bytes;
}

const flipped = (log: Buffer, at: number): Buffer =>
  altered(log, (bytes) => bytes.writeUInt8(bytes.readUInt8(at) ^ 0x55, at));

interface Tear {
  readonly name: string;
  readonly tear: (log: Buffer) => Buffer;
  /** DuckDB itself passes over a record that ends early; what contradicts its checksum it refuses. */
  readonly aside: boolean;
}

const part = (log: Buffer, share: number): number => Math.floor(log.length * share);

const TEARS: readonly Tear[] = [
  { name: 'whole', tear: (log) => log, aside: false },
  ...[1, 7, 8, 9, 100].map((count) => ({
    name: `without its last ${count} octets`,
    tear: (log: Buffer) => log.subarray(0, log.length - count),
    aside: false,
  })),
  ...[0, 1, 7, 20, 24, 60, 100].map((count) => ({
    name: `its first ${count} octets`,
    tear: (log: Buffer) => log.subarray(0, count),
    aside: false,
  })),
  ...[0.2, 0.6, 0.95].flatMap((share) => [
    { name: `cut at ${share}`, tear: (log: Buffer) => log.subarray(0, part(log, share)), aside: false },
    { name: `an octet changed at ${share}`, tear: (log: Buffer) => flipped(log, part(log, share)), aside: true },
    {
      name: `a sector of zeros at ${share}`,
      tear: (log: Buffer) => altered(log, (bytes) => bytes.fill(0, part(log, share), part(log, share) + 512)),
      aside: true,
    },
  ]),
  ...[1, 100, 4096].map((count) => ({
    name: `its last ${count} octets zeros`,
    tear: (log: Buffer) => altered(log, (bytes) => bytes.fill(0, bytes.length - count)),
    aside: true,
  })),
  { name: 'zeros after it', tear: (log) => Buffer.concat([log, Buffer.alloc(4096)]), aside: true },
  {
    name: 'half of it, then other octets',
    tear: (log) => Buffer.concat([log.subarray(0, part(log, 0.5)), Buffer.alloc(5000, 0xa5)]),
    aside: true,
  },
  { name: 'zeros', tear: (log) => Buffer.alloc(log.length), aside: false },
  { name: 'other octets', tear: (log) => Buffer.alloc(log.length, 0xa5), aside: false },
];

describe('a torn log', () => {
  test.for(TEARS)('$name: the store goes on from the journal', async ({ tear, aside }) => {
    const log = tear(killed.log);
    const file = copyWith(log);
    const { from, lines, metrics } = await caughtUp(file);
    expect(from).toBeGreaterThanOrEqual(IN_FILE);
    expect(from).toBeLessThanOrEqual(killed.committed + 3);
    expect(await storeContents(file)).toEqual(whole);
    const kept = setAside(file);
    expect(kept).toHaveLength(aside ? 1 : 0);
    expect(metrics).toContain(`weir_store_logs_set_aside_total ${aside ? 1 : 0}`);
    const told = lines.filter((line) => line.includes('store_log_torn'));
    expect(told).toHaveLength(aside ? 1 : 0);
    for (const name of kept) {
      expect(readFileSync(path.join(folder, name))).toEqual(log);
      expect(told[0]).toContain(name);
    }
  });

  test('an octet changed anywhere in its head leaves no garbage', async () => {
    for (let at = 0; at < 32; at += 1) {
      const file = copyWith(flipped(killed.log, at));
      await caughtUp(file);
      expect(await storeContents(file), `octet ${at}`).toEqual(whole);
    }
  }, 60_000);

  test('the log of a compaction goes aside with it', async () => {
    const file = copyWith(flipped(killed.log, part(killed.log, 0.5)));
    writeFileSync(`${file}.wal.checkpoint`, killed.log.subarray(0, 5000));
    await caughtUp(file);
    expect(await storeContents(file)).toEqual(whole);
    expect(setAside(file)).toHaveLength(2);
  });

  test('only the newest few are kept', async () => {
    const file = copyWith(killed.log);
    for (let turn = 0; turn < 7; turn += 1) {
      writeFileSync(`${file}.wal`, flipped(killed.log, part(killed.log, 0.5)));
      const { store } = await opened(file);
      await store.position('journal-1');
      await store.stop();
    }
    expect(setAside(file).length).toBeLessThanOrEqual(5);
  });

  test('a store that holds less than it told takes nothing until it is asked where it stands', async () => {
    const file = copyWith(killed.log);
    const { store } = await opened(file);
    const position = await store.position('journal-1');
    const bad = steadyEntry(position + 1);
    const poll = { ...(bad.batch.polls[0] as Poll), finishedAtMs: Number.NaN };
    await expect(store.apply([{ ...bad, batch: { ...bad.batch, polls: [poll] } }])).rejects.toThrow();
    // What it is to lose what was said to be written; after a failure the file is opened again.
    copyFileSync(killed.file, file);
    await expect(store.apply(steadyEntries(position, 3))).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.position('journal-1')).toBe(IN_FILE);
    await store.stop();
    await caughtUp(file);
    expect(await storeContents(file)).toEqual(whole);
  });
});

describe('after a kill in the middle of roll-ups, retention and compaction', () => {
  /** What every port moved, out of whatever tier still has it. */
  async function moved(file: string): Promise<readonly string[]> {
    const { store } = await opened(file);
    const found = await store.many({
      metric: 'in_octets',
      resources: ['odd', 'even'].flatMap((device) => [0, 7, STEADY_PORTS - 1].map((port) => `${device}/p${port}`)),
      fromMs: STEADY_START_MS - 86_400_000,
      toMs: STEADY_START_MS + 10 * 86_400_000,
      stepMs: 86_400_000,
      function: 'delta',
    });
    await store.stop();
    return found.map(({ points }) => points.reduce((sum, { value }) => sum + BigInt(value ?? 0), 0n).toString());
  }

  test('a torn log loses nothing', async () => {
    const upkept = await killedStore({ through: 20_000, chunk: 400, upkeep: true });
    const untorn = freshFile();
    await caughtUp(untorn, 24_000);
    const expected = await moved(untorn);
    for (const share of [0.1, 0.5, 0.9]) {
      const file = freshFile();
      copyFileSync(upkept.file, file);
      writeFileSync(`${file}.wal`, flipped(upkept.log, part(upkept.log, share)));
      const { from } = await caughtUp(file, 24_000);
      expect(from).toBeLessThan(upkept.committed + 400);
      expect(setAside(file)).not.toEqual([]);
      expect(await moved(file), `at ${share}`).toEqual(expected);
    }
  }, 60_000);
});

describe('a file that lost its end', () => {
  const QUERIES = {
    top: { metric: 'in_bps', fromMs: STEADY_START_MS, toMs: STEADY_START_MS + 1e9, limit: 50 },
    series: {
      metric: 'out_octets',
      resource: 'odd/p19',
      fromMs: STEADY_START_MS,
      toMs: STEADY_START_MS + 1e8,
      function: 'delta',
    },
  } as const;
  let stopped: string;
  let answers: readonly unknown[];
  beforeAll(async () => {
    stopped = freshFile();
    const { store } = await opened(stopped);
    await store.apply(steadyEntries(0, 6000));
    await store.stop();
    answers = (await asked(stopped)).map(({ answer }) => answer);
  });

  async function asked(file: string): Promise<readonly { readonly answer: unknown; readonly code: string }[]> {
    const { store } = await opened(file);
    const told = (question: Promise<unknown>): Promise<{ answer: unknown; code: string }> =>
      question.then(
        (answer) => ({ answer, code: '' }),
        (error: unknown) => ({ answer: null, code: codeOf(error) }),
      );
    const found = [
      await told(store.position('journal-1')),
      await told(store.top(QUERIES.top)),
      await told(store.series(QUERIES.series)),
    ];
    await store.stop();
    return found;
  }

  /** Each answer is the whole one or `store_damaged`. */
  async function expectNoGarbage(file: string): Promise<readonly string[]> {
    const found = await asked(file);
    for (const [at, { answer, code }] of found.entries()) {
      if (code === '') expect(answer).toEqual(answers[at]);
      else expect(code).toBe('store_damaged');
    }
    return found.map(({ code }) => code);
  }

  test.for([0.001, 0.005, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])('cut at %d: told by its code', async (share) => {
    const file = freshFile();
    copyFileSync(stopped, file);
    truncateSync(file, Math.floor(statSync(file).size * share));
    expect(await expectNoGarbage(file)).toContain('store_damaged');
  });

  test('a sector of zeros anywhere in it: told by its code where it is read', async () => {
    const bytes = readFileSync(stopped);
    const codes = new Set<string>();
    for (let at = 0; at < 20; at += 1) {
      const file = freshFile();
      const from = Math.floor((bytes.length * at) / 20);
      writeFileSync(
        file,
        altered(bytes, (all) => all.fill(0, from, from + 512)),
      );
      for (const code of await expectNoGarbage(file)) codes.add(code);
    }
    expect(codes).toContain('store_damaged');
  });
});
