// What is decided of raised alarms: which are symptoms and which are held. Lost, it is found again from the alarms.
import type { Migration } from '../../../common/database/database.ts';

export const causeMigrations: readonly Migration[] = [
  {
    id: 'faults-cause-001',
    // No reference to the alarm: its check would lock rows that the projection of faults locks in another order.
    sql: `
      create table faults.cause (
        alarm int8 primary key,
        root int8,
        held_until_ms int8,
        reason text not null,
        decided_at_ms int8 not null,
        raised_at_ms int8 not null
      ) with (fillfactor = 70);
      create index cause_by_root on faults.cause (root) where root is not null;`,
  },
];
