// A program that mediates a thousand steady minutes of two ports, a few pages a transaction, telling each commit, until it is killed or done.
import { MediationRun } from '../../billing-bridge/mediate/mediation-run.ts';
import type { Database } from '../../common/database/database.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { MemoryReadings } from './memory-readings.ts';
import { MINUTE, T0 } from './mediation-fixture.ts';
import { VirtualClock } from './virtual-clock.ts';

const [url = ''] = process.argv.slice(2);
const source = new MemoryReadings();
const layout = source.layout('r1', [{ name: 'a' }, { name: 'b' }]);
for (let minute = 0; minute <= 1000; minute += 1) {
  const octets = BigInt(minute) * 60n;
  source.poll({
    layout,
    atMs: T0 + minute * MINUTE,
    octets: [
      [octets, octets],
      [octets, octets],
    ],
  });
}
const reporter = createReporter({ component: 'mediate', level: 'error' });
const opened = openDatabase(reporter, { url, maxConnections: 2, applicationName: 'mediate-until-killed' });
const database: Database = {
  query: (text, values) => opened.query(text, values),
  transaction: async (work, options) => {
    const result = await opened.transaction(work, options);
    process.stdout.write('committed\n');
    return result;
  },
};
const clock = new VirtualClock(T0 + 10_000 * MINUTE);
const mediation = new MediationRun(reporter, { bucketMs: 5 * MINUTE, pagesAtOnce: 9 }, { database, source, clock });
await mediation.run(() => Promise.resolve());
await opened.close();
