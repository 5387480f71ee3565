// A program that is a collector, telling its port once it listens, until it is killed.
import { configOf } from './collector-fixture-config.ts';
import { createCollector } from '../../collector/main.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';

const [databaseUrl = '', dataFolder = '', administrator = '', agent = ''] = process.argv.slice(2);
const reporter = createReporter({ component: 'collector', level: 'error' });
const collector = createCollector(reporter, configOf({}), {
  clock: new SystemClock(),
  random: () => 0.5,
  environment: { WEIR_ADMIN_TOKEN: administrator, WEIR_AGENT_TOKEN: agent },
  databaseUrl,
  dataFolder,
  dashboardFolder: null,
  version: '0.0.0',
});
await collector.start();
process.stdout.write(`${collector.port}\n`);
