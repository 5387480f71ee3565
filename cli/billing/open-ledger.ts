// The ledger as a command works on it: the configuration's terms, the database itself, and the collector for readings.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { type BillingBridgeConfig, billingBridgeConfig } from '../../billing-bridge/config.ts';
import { Ledger } from '../../billing-bridge/ledger.ts';
import { billingBridgeMigrations } from '../../billing-bridge/main.ts';
import type { Mediation } from '../../billing-bridge/mediate/mediation.ts';
import { mediationParts } from '../../billing-bridge/mediation-parts.ts';
import { type HeldLease, onceLeaseIsFree } from '../../billing-bridge/queue/held-lease.ts';
import { Leases } from '../../common/database/lease.ts';
import { migrate } from '../../common/database/migrate.ts';
import { type OpenDatabase, openDatabase } from '../../common/database/pool.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import type { CommandContext } from '../command.ts';
import { loadWhole } from '../configuration.ts';
import { databaseUrlFor } from '../database-url.ts';
import { tokensOf } from '../supervise/data-folder.ts';
import { configurationFileOf } from './billing-options.ts';

export interface OpenLedger {
  readonly ledger: Ledger;
  readonly database: OpenDatabase;
  readonly mediation: Mediation;
  readonly config: BillingBridgeConfig;
  readonly clock: Clock;
  /** Runs the work under a lease of the bridge's; waits for the bridge to be done with its own run. Throws run_elsewhere. */
  readonly underLease: <T>(lease: string, work: (held: HeldLease) => Promise<T>) => Promise<T>;
}

const CONNECTIONS = 4;
/** A bridge that was killed holds its leases for a minute. */
const LEASE_WAIT_MS = 75_000;
const DEFAULT_DATA = 'data';

/** Opens the database, brings its schema to this version, works, and closes it. */
export async function withLedger<T>(
  context: CommandContext,
  command: string,
  work: (opened: OpenLedger) => Promise<T>,
): Promise<T> {
  const file = configurationFileOf(context);
  const config = billingBridgeConfig(loadWhole(file));
  const reporter = createReporter({ component: command, level: 'error' });
  const clock = new SystemClock();
  const url = databaseUrlFor({ options: { ...context.options, config: file }, environment: context.environment });
  const database = openDatabase(reporter, {
    url: resolveSecret(url, context.environment),
    maxConnections: CONNECTIONS,
    applicationName: `weir-${command}`,
  });
  try {
    await migrate(database, billingBridgeMigrations);
    const environment = { ...context.environment, WEIR_BRIDGE_TOKEN: readingsToken(context) };
    const parts = mediationParts(reporter, config, { database, clock, environment });
    const ledger = new Ledger(reporter, config, { database, clock, ...parts });
    const holder = `weir ${command} ${hostname()} ${randomUUID()}`;
    const deps = {
      leases: new Leases(database),
      clock,
      waitMs: LEASE_WAIT_MS,
      signal: context.signal,
      onWait: () => context.progress('waiting for the bridge to finish its run …'),
    };
    return await work({
      ledger,
      database,
      mediation: parts.mediation,
      config,
      clock,
      underLease: (lease, held) => onceLeaseIsFree(reporter, deps, lease, holder, held),
    });
  } finally {
    await database.close();
  }
}

/** WEIR_BRIDGE_TOKEN, else the bridge's or administrator's token of the data folder, else WEIR_ADMIN_TOKEN; tokens are only read here. */
export function readingsToken({ options, environment }: CommandContext): string | undefined {
  const given = environment['WEIR_BRIDGE_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const folder = path.resolve(typeof options['data'] === 'string' ? options['data'] : DEFAULT_DATA);
  if (existsSync(path.join(folder, 'tokens.json'))) return tokensOf(folder, undefined).bridge;
  return environment['WEIR_ADMIN_TOKEN'];
}
