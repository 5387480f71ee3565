// A process of its own that keeps an embedded PostgreSQL running, for tests that kill it: `DATA PORT PACKAGE SHARED`; prints `up URL PID` or `CODE MESSAGE`, stops on SIGTERM.
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';

const [dataFolder = '', port = '0', packageFolder = '', sharedFolder = ''] = process.argv.slice(2);
const reporter = createReporter({ component: 'supervisor' });
const options = { dataFolder, port: Number(port), durable: false };
const server = new EmbeddedPostgres(reporter, options, { clock: new SystemClock(), packageFolder, sharedFolder });
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
try {
  await server.start();
  process.stdout.write(`up ${server.url} ${server.pid}\n`);
} catch (error) {
  process.stdout.write(`${codeOf(error)} ${messageOf(error)}\n`);
  process.exitCode = 1;
}
