// Names of interfaces as no device should have them, through the readings: none holds up what other devices say.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isEntrysFault } from '../../../collector/project/failure.ts';
import { journalEntry } from '../../support/poll-builder.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { clearReadings, migrateReadings, MINUTE, portsPoll, readingsProjection, START_MS } from './readings-fixture.ts';

let postgres: TestDatabase;
beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrateReadings(postgres.database);
});
afterAll(() => postgres.stop());
beforeEach(() => clearReadings(postgres.database));

/** Characters of three octets that no compression makes shorter. */
function incompressible(characters: number, seed: number): string {
  let state = seed;
  return Array.from({ length: characters }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return String.fromCharCode(0x4e00 + ((state >>> 8) % 20_000));
  }).join('');
}

test('what is too large for the database is the fault of the entry, which may be set aside, and not of the database', () => {
  expect(isEntrysFault(Object.assign(new Error('index row size exceeds maximum'), { code: '54000' }))).toBe(true);
  expect(isEntrysFault(Object.assign(new Error('could not extend file'), { code: '53100' }))).toBe(false);
});

test('interface names longer than an index of the database holds', async () => {
  const ports = [1, 2].map((number) => ({
    ifIndex: String(number),
    ifName: `${incompressible(2000, 7)}${number}`,
    in: BigInt(number),
    out: 2n,
    speedBps: 1e9,
  }));
  const whole = portsPoll({ atMs: START_MS, ports, names: true });
  const part = portsPoll({ atMs: START_MS + MINUTE, ports: ports.slice(1), known: ports, complete: false });
  const projection = readingsProjection(postgres.database);
  await projection.apply([journalEntry({ position: 1, polls: [whole] })]);
  await projection.apply([journalEntry({ position: 2, polls: [part] })]);
  const { rows } = await postgres.database.query<{ key: string }>('select key from inventory.interface order by id');
  // Also where only one of two that begin alike was read, it is the same interface as before.
  expect(new Set(rows.map(({ key }) => key)).size).toBe(2);
  expect(rows).toHaveLength(2);
});
