// What people say of interfaces on a real PostgreSQL, and by which names our devices are known.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsMigrations } from '../../../collector/faults/faults-migrations.ts';
import { WantedBook } from '../../../collector/faults/wanted-book.ts';
import { inventoryMigrations } from '../../../collector/inventory/inventory-migrations.ts';
import { deviceFinder } from '../../../collector/inventory/topology.ts';
import { auditMigrations, listAudit } from '../../../common/database/audit.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let postgres: TestDatabase;
const BY = { atMs: 1_790_000_000_000, actor: 'anna', role: 'operator' } as const;

beforeAll(async () => {
  postgres = await startTestDatabase();
  await migrate(postgres.database, [...auditMigrations, ...inventoryMigrations, ...faultsMigrations]);
});
afterAll(() => postgres.stop());

function book(names: readonly string[]): WantedBook {
  return new WantedBook(silentReporter().reporter, {
    database: postgres.database,
    names: () => names,
    finderOf: (devices) => deviceFinder(devices, new Map()),
    isBound: (resource) => resource === 'core1/p9',
  });
}

describe('wanted interfaces', () => {
  test('what is said is known at once, by another collector at its next look, and stands in the audit log', async () => {
    const [one, other] = [book([]), book([])];
    await other.ready();
    await one.say('core1', 'ge-0/0/1', true, BY);
    await one.say('core1', 'ge-0/0/2', false, BY);
    expect([one.byHand('core1', 'ge-0/0/1'), one.byHand('core1', 'ge-0/0/2'), one.byHand('core1', 'x')]).toEqual([
      true,
      false,
      null,
    ]);
    expect(other.byHand('core1', 'ge-0/0/1')).toBeNull();
    await other.look();
    expect(other.byHand('core1', 'ge-0/0/1')).toBe(true);
    await one.say('core1', 'ge-0/0/1', null, BY);
    expect(await one.list('core1')).toEqual([{ interface: 'ge-0/0/2', wanted: false }]);
    expect(one.byHand('core1', 'ge-0/0/1')).toBeNull();
    const items = await listAudit(postgres.database, { subject: 'interface/core1/ge-0/0/1', limit: 10 });
    expect(items.map(({ action, before, after }) => ({ action, before, after }))).toEqual([
      { action: 'interface.wanted', before: { wanted: true }, after: { wanted: null } },
      { action: 'interface.wanted', before: { wanted: null }, after: { wanted: true } },
    ]);
  });

  test('a device is ours by its name, its sysName and the first label of either; before its first poll by its name', async () => {
    await postgres.database.query(
      "insert into inventory.device (name, sys_name, first_seen_ms) values ('core1', 'r1.example.net', 0)",
    );
    const wanted = book(['core1', 'new2']);
    expect(wanted.isManaged('core1')).toBe(false);
    await wanted.ready();
    for (const name of ['core1', 'CORE1', 'r1.example.net', 'r1', 'new2.example.net'])
      expect([name, wanted.isManaged(name)]).toEqual([name, true]);
    for (const name of ['phone7', '', 'core11']) expect([name, wanted.isManaged(name)]).toEqual([name, false]);
    expect([wanted.isBound('core1/p9', 0), wanted.isBound('core1/p8', 0)]).toEqual([true, false]);
  });

  test('a database that does not answer leaves what was known', async () => {
    const wanted = book(['core1']);
    await wanted.ready();
    await postgres.database.query('alter table faults.wanted_interface rename to away');
    await wanted.look();
    expect(wanted.byHand('core1', 'ge-0/0/2')).toBe(false);
    await postgres.database.query('alter table faults.away rename to wanted_interface');
  });
});
