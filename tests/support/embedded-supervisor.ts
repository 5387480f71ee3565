// A process of its own that keeps an embedded PostgreSQL running, for tests that kill it: prints one line of JSON, stops on SIGTERM.
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';

export interface SupervisorArguments {
  readonly dataFolder: string;
  readonly port: number;
  readonly packageFolder: string;
  readonly sharedFolder: string;
}

export type SupervisorLine =
  | { readonly url: string; readonly pid: number | null }
  | { readonly code: string; readonly message: string };

function say(line: SupervisorLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const { dataFolder, port, packageFolder, sharedFolder }: SupervisorArguments = JSON.parse(process.argv[2] ?? '{}');
const reporter = createReporter({ component: 'supervisor' });
const options = { dataFolder, port, durable: false };
const server = new EmbeddedPostgres(reporter, options, { clock: new SystemClock(), packageFolder, sharedFolder });
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
try {
  await server.start();
  say({ url: server.url, pid: server.pid });
} catch (error) {
  say({ code: codeOf(error), message: messageOf(error) });
  process.exitCode = 1;
}
