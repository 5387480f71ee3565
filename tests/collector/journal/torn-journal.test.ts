// A collector whose journal is not the one that it left: put back to an older state, torn, or gone. Nothing is lost, nothing counted twice.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CollectorFixture, eventually } from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 120 * MINUTE;

let database: TestDatabase;
let folder: string;
let fixture: CollectorFixture;
let device = 0;

beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.stop());
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-torn-'));
  device += 1;
  fixture = new CollectorFixture(database, folder, { devices: [{ name: `core${device}` }] });
});
afterEach(async () => {
  await fixture.stop();
  rmSync(folder, { recursive: true, force: true });
});

const journalFolder = (): string => path.join(folder, 'collector', 'journal');
const stream = (): string => `incarnation-of-core${device}`;

async function send(from: number, through: number): Promise<void> {
  for (let sequence = from; sequence <= through; sequence += 1) {
    const interfaces = [{ key: 'eth0', inOctets: BigInt(sequence) * 1000n }];
    const poll = interfacePoll({ device: `core${device}`, atMs: T0 + sequence * MINUTE, interfaces });
    await fixture.receipt({ sequence, incarnation: stream(), polls: [poll] });
  }
}

/** What moved in all, as the store tells it, once it has told as much. */
async function octets(moved: number): Promise<void> {
  const [from, to] = [T0, T0 + 100 * MINUTE].map((atMs) => new Date(atMs).toISOString());
  const place = `/api/v1/series?metric=in_octets&resource=core${device}/eth0&function=delta&from=${from}&to=${to}&step=1m`;
  await eventually(async () => {
    const { points } = await fixture.get<{ points: { value: string | null }[] }>(place);
    return points.reduce((sum, { value }) => sum + Number(value ?? 0), 0) === moved;
  }, `${moved} octets`);
}

test('put back to an older state it goes on as another journal: what comes is applied, what was is applied once', async () => {
  await fixture.start();
  await send(1, 4);
  await fixture.applied(4, stream());
  await octets(3000);
  await fixture.stop();
  const older = path.join(folder, 'older');
  cpSync(journalFolder(), older, { recursive: true });
  await fixture.restart();
  await send(5, 9);
  await fixture.applied(9, stream());
  await octets(8000);
  await fixture.stop();
  rmSync(journalFolder(), { recursive: true });
  renameSync(older, journalFolder());
  await fixture.restart();
  // The agent was told that 9 are applied, and has them no longer.
  await send(10, 12);
  await fixture.applied(12, stream());
  await octets(11_000);
  expect(fixture.lines.join('')).toContain('the journal is an older state of itself');
  const { rows } = await database.database.query<{ pages: bigint }>(
    'select count(*) as pages from readings.page join inventory.device on device.id = page.device where device.name = $1',
    [`core${device}`],
  );
  expect(rows[0]?.pages).toBe(12n);
});

test('torn it is told at the start and left as it is; moved away, what agents still have makes it whole', async () => {
  await fixture.start();
  await send(1, 3);
  await fixture.applied(3, stream());
  await fixture.stop();
  const file = path.join(journalFolder(), 'journal.mdb');
  const torn = readFileSync(file);
  torn.fill(0xa5, 2 * 4096 + 24);
  writeFileSync(file, torn);
  const refused = fixture.restart();
  await expect(refused).rejects.toMatchObject({ code: 'journal_damaged' });
  await expect(refused).rejects.toThrow('journal.mdb is not what was written: page');
  expect(readFileSync(file).equals(torn)).toBe(true);
  renameSync(journalFolder(), path.join(folder, 'kept as evidence'));
  await fixture.restart();
  await send(1, 5);
  await fixture.applied(5, stream());
  await octets(4000);
});
