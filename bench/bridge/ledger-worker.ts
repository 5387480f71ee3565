// A process of the bridge's benchmark: mediation, rating and bills as the bridge composes them, done when asked.
import { customerSchema, planSchema, serviceSchema } from '../../billing-bridge/contract-schema.ts';
import { Ledger } from '../../billing-bridge/ledger.ts';
import { billingBridgeMigrations } from '../../billing-bridge/main.ts';
import { mediationParts } from '../../billing-bridge/mediation-parts.ts';
import { type HeldLease, underLease } from '../../billing-bridge/queue/held-lease.ts';
import { Leases } from '../../common/database/lease.ts';
import { migrate } from '../../common/database/migrate.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { feedDevice, feedPort } from './readings-feed.ts';

export interface LedgerWorkerConfig {
  readonly databaseUrl: string;
  readonly collectorUrl: string;
  readonly devices: number;
  readonly portsEach: number;
  readonly from: string;
  readonly bucketMs: number;
  /** What every port is sold by. */
  readonly price: 'volume' | 'burstable';
  /** Such as 2026-11; for the bills. */
  readonly period: string;
}

/** What was done when asked; `error` where it could not be. */
export interface WorkDone {
  readonly records?: number;
  readonly charges?: number;
  readonly bills?: number;
  readonly milliseconds: number;
  readonly error?: string;
}

const HOLDER = 'bench';
const PORTS_PER_CUSTOMER = 12;
const RATING_WINDOW_MS = 3_600_000;

async function main(config: LedgerWorkerConfig): Promise<void> {
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const clock = new SystemClock();
  const database = openDatabase(reporter, {
    url: config.databaseUrl,
    maxConnections: 8,
    applicationName: 'weir-bench',
  });
  await migrate(database, billingBridgeMigrations);
  const { bucketMs, collectorUrl } = config;
  const environment = { WEIR_BRIDGE_TOKEN: 'bench' };
  const parts = mediationParts(
    reporter,
    { bucketMs, collectorUrl, collectorToken: null },
    { database, clock, environment },
  );
  const ledger = new Ledger(
    reporter,
    {
      bucketMs,
      ratingWindowMs: RATING_WINDOW_MS,
      publishCharges: true,
      hardGates: ['conservation', 'quarantine', 'clock', 'finality', 'earlier_period'],
      watermark: null,
      infrastructure: [],
      legalEntities: new Map(),
    },
    { database, clock, ...parts },
  );
  await ledger.accounts.apply(contractsOf(config));
  const leases = new Leases(database);
  const held = async <T>(name: string, work: (lease: HeldLease) => Promise<T>): Promise<T> => {
    const done = await underLease(reporter, { leases, clock }, name, HOLDER, work);
    if (done === null) throw new Error(`the lease ${name} is held elsewhere`);
    return done.result;
  };
  const tasks: Readonly<Record<string, () => Promise<Partial<WorkDone>>>> = {
    ready: () => Promise.resolve({}),
    mediate: async () => ({
      records: (await held('billing-mediate', ({ fence }) => parts.mediation.run(fence))).records,
    }),
    rate: async () => ({ charges: (await held('billing-rate', (lease) => ledger.rating.run(lease))).charges }),
    bill: async () => {
      const request = { period: config.period, interim: false, accept: [], by: HOLDER };
      const { accounts } = await held('billing-bill', ({ fence }) => ledger.billRun.run({ ...request, fence }));
      const open = accounts.find(({ outcome }) => outcome !== 'made');
      if (open !== undefined)
        throw new Error(`no bill for ${open.account}: ${open.outcome} ${JSON.stringify(open.gates)}`);
      return { bills: accounts.length };
    },
  };
  process.on('disconnect', () => process.exit());
  process.on('message', (message) => {
    const startedAt = performance.now();
    const answer = (done: Partial<WorkDone>): void =>
      void process.send?.({ ...done, milliseconds: performance.now() - startedAt });
    const task = tasks[String(message)];
    if (task === undefined) return answer({ error: `there is no task ${String(message)}` });
    task().then(answer, (error: unknown) => answer({ error: messageOf(error) }));
  });
}

/** Every port is a service of its own; a dozen of them make a customer. */
function contractsOf(config: LedgerWorkerConfig): Parameters<Ledger['accounts']['apply']>[0] {
  const ports = Array.from({ length: config.devices * config.portsEach }, (_, at) => at);
  const customerOf = (port: number): string => `customer-${Math.floor(port / PORTS_PER_CUSTOMER) + 1}`;
  const customers = [...new Set(ports.map(customerOf))];
  const items =
    config.price === 'volume'
      ? [{ id: 'traffic', kind: 'per_unit', unit: 'GB', direction: 'sum', price: '0.045' }]
      : [{ id: 'p95', kind: 'percentile', unit: 'Mbit/s', commit: '100', commit_price: '0.9', overage_price: '1.3' }];
  return {
    customers: customers.map((id) => customerSchema.parse({ id, name: id, currency: 'EUR' })),
    price_plans: [planSchema.parse({ id: 'bench', currency: 'EUR', items })],
    services: ports.map((port) =>
      serviceSchema.parse({
        id: `service-${port + 1}`,
        customer: customerOf(port),
        plan: 'bench',
        from: config.from,
        bindings: [
          { device: feedDevice(Math.floor(port / config.portsEach)), interface: feedPort(port % config.portsEach) },
        ],
      }),
    ),
  };
}

await main(JSON.parse(process.argv[2] ?? '') as LedgerWorkerConfig);
