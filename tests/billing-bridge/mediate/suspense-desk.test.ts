// Release from suspense on a real PostgreSQL: the next version under the same key, obeyed by whatever goes through the readings again, and done once.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReleasedSuspense } from '../../../billing-bridge/mediate/mediation.ts';
import { SuspenseDesk } from '../../../billing-bridge/mediate/suspense-desk.ts';
import { auditMigrations, listAudit } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { BUCKET, MediationFixture, MINUTE, T0 } from '../../support/mediation-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let server: TestDatabase;
let fixture: MediationFixture;
let layout: number;
let meter: number;

beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.database.query('drop schema if exists access cascade');
  fixture = await MediationFixture.empty(server.database);
  await migrate(server.database, auditMigrations);
  // A port that tells 8 kbit/s and moves more.
  layout = fixture.source.layout('r1', [{ name: 'ge-0', speedBps: '8000' }]);
  meter = fixture.source.port('r1', 'ge-0').in;
});

function poll(minute: number, octets: bigint): void {
  const uptimeTicks = 1_000_000 + minute * 6000;
  fixture.source.poll({ layout, atMs: T0 + minute * MINUTE, octets: [[octets, null]], uptimeTicks });
}

/** Twelve minutes of 1,000 octets each, but for one that no line of 8 kbit/s can carry. */
async function burst(): Promise<void> {
  for (let minute = 0; minute <= 12; minute += 1)
    poll(minute, BigInt(minute) * 1000n + (minute >= 7 ? 900_000_000n : 0n));
  await fixture.run();
}

function release(toMinute = 7, meterId = meter): Promise<ReleasedSuspense> {
  const { database, source, clock } = fixture;
  return new SuspenseDesk({ bucketMs: BUCKET }, { database, source, clock }).release({
    meter: meterId,
    toMs: T0 + toMinute * MINUTE,
    reason: 'the port is 10 Gbit/s',
    by: { name: 'kim', role: 'billing' },
  });
}

const conserved = (): Promise<object[]> => fixture.store.conservation([meter], T0, T0 + 60 * MINUTE);
const proven = async (): Promise<readonly object[]> =>
  (await fixture.proof().reconcile(T0, T0 + 60 * MINUTE)).differences;

describe('release', () => {
  test('octets become usage in the next version; nothing is held back any more', async () => {
    await burst();
    expect(await fixture.told(meter)).toEqual(['0 v1: good 5000, 5 min', '5 v1: good 4000 suspended 900001000, 4 min']);
    expect(await release()).toMatchObject({ octets: '900001000', by: 'kim', fromMs: T0 + 6 * MINUTE });
    expect(await fixture.told(meter)).toEqual(['0 v1: good 5000, 5 min', '5 v2: good 900005000, 5 min']);
    expect((await fixture.store.suspense({ cursor: null, limit: 9 })).items).toEqual([]);
    expect(await conserved()).toEqual([]);
    expect(await proven()).toEqual([]);
    const [entry] = await listAudit(server.database, { limit: 9 });
    expect(entry).toMatchObject({ actor: 'kim', action: 'suspense.release', subject: `meter/${meter}` });
  });

  test('asked again it answers the same and writes nothing', async () => {
    await burst();
    const first = await release();
    const before = await fixture.store.counts();
    expect(await release()).toEqual(first);
    expect(await fixture.store.counts()).toEqual(before);
    expect(await listAudit(server.database, { limit: 9 })).toHaveLength(1);
  });

  test('a bucket that is still open takes them too', async () => {
    for (const [minute, octets] of [0n, 1000n, 900_000_000n].entries()) poll(minute, octets);
    await fixture.run();
    await release(2);
    poll(3, 900_001_000n);
    poll(5, 900_003_000n);
    await fixture.run();
    expect(await fixture.told(meter)).toEqual(['0 v1: good 900001000 gap 2000, 5 min gap 2']);
    expect(await conserved()).toEqual([]);
  });

  test('mediation that was under way goes on, and a late reading inside the span leaves it released', async () => {
    await burst();
    await release();
    fixture.source.poll({
      layout,
      atMs: T0 + 6.5 * MINUTE,
      octets: [[450_006_500n, null]],
      uptimeTicks: 1_000_000 + 6.5 * 6000,
    });
    poll(15, 900_015_000n);
    await fixture.run();
    expect((await fixture.told(meter)).slice(0, 2)).toEqual(['0 v1: good 5000, 5 min', '5 v2: good 900005000, 5 min']);
    expect((await fixture.store.suspense({ cursor: null, limit: 9 })).items).toEqual([]);
    expect(await conserved()).toEqual([]);
    expect(await proven()).toEqual([]);
  });

  test('refused: what is not held back, and what the collector no longer has; then nothing is written', async () => {
    await burst();
    await expect(release(8)).rejects.toMatchObject({ code: 'not_found' });
    await expect(release(7, meter + 1)).rejects.toMatchObject({ code: 'not_found' });
    fixture.source.events = [];
    await expect(release()).rejects.toMatchObject({ code: 'readings_gone' });
    expect((await fixture.store.suspense({ cursor: null, limit: 9 })).items).toHaveLength(1);
    const { rows } = await server.database.query('select 1 from usage.release');
    expect(rows).toEqual([]);
  });

  test('a release can neither be changed nor deleted', async () => {
    await burst();
    await release();
    await expect(server.database.query('delete from usage.release')).rejects.toThrow('never change');
  });
});
