// `weir collector`: takes the batches of the agents, keeps them, and answers what came of them, until it is stopped.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { collectorConfig } from '../../collector/config.ts';
import { createCollector } from '../../collector/main.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import type { Command } from '../command.ts';
import { loadWhole } from '../configuration.ts';
import { databaseUrlFor } from '../database-url.ts';
import { textOption } from '../options.ts';
import { onReload } from '../reload-signal.ts';

const DEFAULT_FILE = 'weir.yaml';
/** In a build beside this program's folder; in a checkout the root. */
const HOME = path.resolve(import.meta.dirname, '..', '..');

export const collectorCommand: Command = {
  name: 'collector',
  summary: 'run a collector',
  help: `usage: weir collector [--config FILE] [--data DIR]

  --config FILE   the configuration; default ${DEFAULT_FILE}
  --data DIR      journal and metrics are kept in DIR/collector; default ./data

Takes batches from agents, keeps them in its journal, stores metrics, raises alarms, keeps readings for billing, and serves
API and page. The database is WEIR_DATABASE_URL, else database.url, else the embedded PostgreSQL that runs on the data folder;
while it is away batches are taken all the same. WEIR_ADMIN_TOKEN, WEIR_AGENT_TOKEN and WEIR_BRIDGE_TOKEN are made known as
access tokens; more of them by weir token. At SIGHUP the devices of the configuration are read again; the rest of it waits for
a restart. Logs are JSON lines on standard error. Runs until it is stopped.`,
  options: { config: { type: 'string' }, data: { type: 'string' } },
  run: async (context) => {
    if (context.positionals.length > 0) throw new WeirError('misused', 'weir collector takes no argument.');
    const file = path.resolve(textOption(context, 'config') ?? DEFAULT_FILE);
    const whole = loadWhole(file);
    const dashboard = path.join(HOME, 'dashboard');
    const reporter = createReporter({ component: 'collector' });
    const collector = createCollector(reporter, collectorConfig(whole), {
      clock: new SystemClock(),
      random: Math.random,
      environment: context.environment,
      databaseUrl: databaseUrlFor(context),
      dataFolder: path.resolve(textOption(context, 'data') ?? 'data'),
      dashboardFolder: existsSync(dashboard) ? dashboard : null,
      version: versionOf(path.join(HOME, 'package.json')),
    });
    const listenNoMore = onReload(reporter, async () => {
      const { devices, faults } = collectorConfig(loadWhole(file));
      await collector.reload(devices, faults);
      reporter.info('devices and fault rules read again', { file, devices: devices.length });
    });
    await collector.start();
    reporter.info('collector started', { port: collector.port, devices: whole.devices.length });
    if (!context.signal.aborted)
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    listenNoMore();
    await collector.stop();
    reporter.info('collector stopped');
    return 0;
  },
};

function versionOf(file: string): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
