// Composes what the bridge tells to people and programs outside: thresholds of quotas, messages on their ways, the head of the ledger.
import type { Database } from '../common/database/database.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import { customerBill } from './api/tmf/tmf678-routes.ts';
import { chainAfter, seal } from './audit/chain.ts';
import { ChainPublisher, type ChainSink, fileSink, webhookSink } from './audit/chain-sinks.ts';
import { billWasSent } from './bill/bill-state.ts';
import type { BillingBridgeConfig } from './config.ts';
import { Correspondence } from './correspondence.ts';
import { BillHub } from './hub/bill-hub.ts';
import type { UsagePages } from './api/usage-link-routes.ts';
import { UsageLinkBook } from './link/usage-link-book.ts';
import { USAGE_PAGE_STYLE, usagePage } from './link/usage-page.ts';
import type { Ledger } from './ledger.ts';
import { quotaLetters } from './letters.ts';
import { putIntoOutbox } from './queue/outbox.ts';
import { QuotaWatch } from './quota/quota-watch.ts';
import { putMessage } from './send/message-outbox.ts';
import { MessageSender } from './send/message-sender.ts';
import { waysOf } from './ways.ts';

export interface OutwardDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ledger: Ledger;
  /** After something was written that waits to be sent. */
  readonly onPut: () => void;
}

export interface OutwardParts {
  /** Null where no quota is configured. */
  readonly quotas: QuotaWatch | null;
  /** Null where no sink is configured. */
  readonly publisher: ChainPublisher | null;
  readonly sender: MessageSender;
  readonly correspondence: Correspondence;
  readonly usagePages: UsagePages;
  readonly hub: BillHub;
}

export function outwardParts(reporter: Reporter, config: BillingBridgeConfig, deps: OutwardDeps): OutwardParts {
  const { database, clock, onPut } = deps;
  const sinks = sinksOf(config, deps);
  return {
    quotas: config.quotas.length === 0 ? null : quotaWatch(reporter, config, deps),
    publisher: sinks.length === 0 ? null : new ChainPublisher(reporter, { database, clock, sinks }),
    sender: messageSender(reporter, config, deps),
    correspondence: new Correspondence({ database, clock, hasMail: config.mail !== null, onPut }),
    usagePages: usagePages(database, clock),
    hub: billHub(config.billListeners, deps),
  };
}

export function quotaWatch(
  reporter: Reporter,
  config: Pick<BillingBridgeConfig, 'quotas' | 'publishCharges'>,
  { database, clock, ledger, onPut }: Pick<OutwardDeps, 'database' | 'clock' | 'ledger' | 'onPut'>,
): QuotaWatch {
  return new QuotaWatch(reporter, config.quotas, {
    database,
    clock,
    usage: ledger.usage,
    book: () => ledger.book(),
    publish: async (connection, jobs, quota) => {
      if (config.publishCharges) await putIntoOutbox(connection, jobs, clock.now());
      for (const letter of jobs.flatMap((job) => quotaLetters(quota, job)))
        await putMessage(connection, letter, clock.now());
    },
    onReached: onPut,
  });
}

export function messageSender(
  reporter: Reporter,
  config: Pick<BillingBridgeConfig, 'mail' | 'webhooks' | 'bucketMs'>,
  { database, clock, random, environment, ledger }: Omit<OutwardDeps, 'onPut'>,
): MessageSender {
  return new MessageSender(reporter, {
    database,
    clock,
    random,
    wayOf: waysOf(config, { ledger, clock, environment, fetch }),
    onDone: async (connection, { kind, subject }, atMs) => {
      if (kind === 'bill') await billWasSent(connection, seal, { bill: subject, by: 'e-mail', atMs });
    },
  });
}

/** Who hears of bills as TMF678 has it. */
export function billHub(
  allowed: readonly string[],
  { database, clock, ledger }: Pick<OutwardDeps, 'database' | 'clock' | 'ledger'>,
): BillHub {
  return new BillHub({
    database,
    clock,
    allowed,
    entriesAfter: chainAfter,
    bill: (id) => ledger.bill(id, null),
    form: (bill) => customerBill(ledger, bill),
    put: putMessage,
  });
}

/** What a customer's own link opens. */
export function usagePages(database: Database, clock: Clock): UsagePages {
  return { book: new UsageLinkBook(database, clock), page: usagePage, style: USAGE_PAGE_STYLE };
}

/** Where the head of the ledger is told. */
function sinksOf(
  config: Pick<BillingBridgeConfig, 'ledgerSinks'>,
  { clock, environment }: Pick<OutwardDeps, 'clock' | 'environment'>,
): ChainSink[] {
  return config.ledgerSinks.map((sink) =>
    sink.kind === 'file'
      ? fileSink(sink.path)
      : webhookSink({ url: sink.url, secret: resolveSecret(sink.secret, environment), clock, fetch }),
  );
}
