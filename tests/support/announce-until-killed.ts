// A program that tells a webhook of every alarm in a database, as a collector would, until it is killed.
import { randomUUID } from 'node:crypto';
import { Announcer } from '../../collector/tell/announcer.ts';
import { Webhook } from '../../collector/tell/channels/webhook.ts';
import { Deliveries } from '../../collector/tell/deliveries.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { QUIET_STORM, route } from './telling-machine.ts';

const [databaseUrl = '', hookUrl = '', secret = ''] = process.argv.slice(2);
const reporter = createReporter({ component: 'announcer', level: 'error' });
const clock = new SystemClock();
const database = openDatabase(reporter, { url: databaseUrl, maxConnections: 3, applicationName: 'announcer' });
const deliveries = new Deliveries(reporter, {
  database,
  clock,
  random: () => 0.5,
  channels: new Map([
    [
      'noc',
      {
        channel: new Webhook({ url: hookUrl, secret }, { now: () => clock.now(), environment: {}, fetch }),
        timeoutMs: 500,
        maxAttempts: 1000,
      },
    ],
  ]),
  itemsOf: () => [],
});
const announcer = new Announcer(
  reporter,
  {
    routes: [route({ groupBy: 'none', groupWaitMs: 0 })],
    storms: new Map([['noc', QUIET_STORM]]),
    keptMs: 86_400_000,
  },
  {
    database,
    clock,
    newKey: randomUUID,
    facts: { siteOf: () => null, tagsOf: () => [], customersOf: () => [], silences: [] },
    deliveries,
  },
);
await announcer.start();
process.stdout.write('started\n');
