// The order of test files: the ones that take longest come first, so that none of them runs alone at the end while the other worker has nothing left.
import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Relative to `tests/`, longest first, as measured on two quiet cores (all above 20 s). A fresh clone has no measurements of its own. */
export const LONGEST: readonly string[] = [
  'e2e/kills-embedded.test.ts',
  'e2e/kills-servers.test.ts',
  'billing-bridge/queue/work-queue.test.ts',
  'e2e/first-minute.test.ts',
  'agent/recordings.test.ts',
  'browser/views.test.ts',
  'collector/store/torn-store.test.ts',
  'common/database/embedded/embedded-postgres.test.ts',
  'e2e/influx-pipeline.test.ts',
  'simulation/billing-months.test.ts',
  'collector/store/roll-up.test.ts',
  'collector/store/duckdb-store.test.ts',
  'e2e/refusals.test.ts',
  'agent/directions.test.ts',
  'agent/discover/discover.test.ts',
  'e2e/take-over.test.ts',
  'billing-bridge/api/billing-bridge.test.ts',
  'collector/tell/killed.test.ts',
  'agent/agent-process.test.ts',
  'cli/supervise.test.ts',
  'e2e/real-equipment.test.ts',
  'agent/trap/net-snmp.test.ts',
  'agent/main.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const place = (file: TestSpecification): number => {
      const at = LONGEST.indexOf(path.relative(path.resolve(import.meta.dirname, '..'), file.moduleId));
      return at === -1 ? LONGEST.length : at;
    };
    return rest.toSorted((one, other) => place(one) - place(other));
  }
}
