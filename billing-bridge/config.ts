// The billing bridge's part of the configuration: its schema, what must fit together in it, and the form in which the bridge uses it.
import { z } from 'zod';
import { parseCron } from '../common/model/cron.ts';
import { Exact } from '../common/model/exact.ts';
import { BILLING_CYCLES, zoneKnown } from '../common/model/period.ts';
import type { DurationMs } from '../common/model/time.ts';
import { databaseSchema, portSchema } from '../common/runtime/database-configuration.ts';
import { devicesShape, nameSchema } from '../common/runtime/device-configuration.ts';
import type { SmtpServer } from '../common/send/smtp.ts';
import { smtpFields } from '../common/runtime/mail-configuration.ts';
import { contractIssues } from './account/check.ts';
import type { InfrastructureRule } from './account/interface-state.ts';
import { spreadRacks } from './account/racks.ts';
import type { BillSchedule } from './bill/bill-schedule.ts';
import { GATE_NAMES, type GateName } from './bill/gates.ts';
import {
  type CustomerDocument,
  customerSchema,
  type PlanDocument,
  planSchema,
  rackSchema,
  type ServiceDocument,
  serviceSchema,
} from './contract-schema.ts';
import { meteredIssues, rackIssues } from './metered-check.ts';
import { invoiceIssues, legalEntitiesOf, legalEntitySchema, taxTableSchema } from './invoice-schema.ts';
import type { LegalEntity } from './bill/legal-entity.ts';
import type { Quota } from './quota/quota-watch.ts';
import { tierMistakes } from './rate/tiers.ts';
import { VOLUME_UNITS } from './rate/unit.ts';

const DAY_MS = 86_400_000;
const interval = z.number().int().min(1000).max(DAY_MS);

/** Bills by the clock. */
const billRunsSchema = z.strictObject({
  name: nameSchema,
  cron: z
    .string()
    .max(200)
    .refine((text) => parseCron(text) !== null, 'expected five fields of cron that come again, such as "0 6 1 * *"'),
  zone: z.string().refine(zoneKnown, 'expected an IANA time zone such as Europe/Paris').default('UTC'),
  cycle: z.enum(BILLING_CYCLES).default('month'),
  accept: z.array(z.enum(GATE_NAMES)).max(GATE_NAMES.length).default([]),
  retry_held_minutes: z.number().int().min(1).max(100_000).default(60),
});

/** The server that mail goes out through. */
const mailSchema = z
  .strictObject({
    ...smtpFields,
    timeout_ms: z.number().int().min(100).max(120_000).default(20_000),
    max_attempts: z.number().int().min(1).max(10_000).default(50),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), 'user and password go together');

/** Where thresholds are told, signed. */
const webhookSchema = z.strictObject({
  name: nameSchema,
  url: z.string().min(1),
  secret: z.string().min(1),
  timeout_ms: z.number().int().min(100).max(120_000).default(10_000),
  max_attempts: z.number().int().min(1).max(10_000).default(50),
});

/** What a service may use in a period before somebody is told; it stops nothing. */
const quotaSchema = z.strictObject({
  id: nameSchema,
  service: nameSchema,
  amount: z.number().int().min(1).max(1_000_000_000),
  unit: z.enum(['MB', 'GB', 'TB', 'MiB', 'GiB', 'TiB']).default('GB'),
  direction: z.enum(['in', 'out', 'sum', 'higher']).default('sum'),
  shares: z.array(z.number().int().min(1).max(1_000)).min(1).max(10).default([80, 100]),
  /** Who is told beside the billing queue. */
  mail: z.array(z.email()).max(20).default([]),
  webhooks: z.array(nameSchema).max(20).default([]),
});

export const billingBridgeShape = {
  devices: devicesShape.devices,
  database: databaseSchema,
  queue: z.strictObject({ url: z.string().min(1).optional() }).prefault({}),
  billing_bridge: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: portSchema.default(8081),
      insecure: z.boolean().default(false),
      collector_url: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8080'),
      /** A reference (common/runtime/secrets.ts); WEIR_BRIDGE_TOKEN where it is not set. */
      collector_token: z.string().optional(),
      /** The UTC grid on which usage is counted; never changes once there is usage. */
      bucket_ms: z.number().int().min(1000).max(DAY_MS).default(300_000),
      rating_window_ms: z.number().int().min(1000).max(DAY_MS).default(3_600_000),
      mediate_every_ms: interval.default(60_000),
      rate_every_ms: interval.default(60_000),
      publish_charges: z.boolean().default(true),
      max_queue_backlog: z.number().int().min(1).max(10_000_000).default(10_000),
      /** Stands on every bill and export, such as DEMO. */
      watermark: z.string().max(40).optional(),
      /** Where the head of the ledger's hash chain is told, out of reach of whoever changes the database. */
      ledger_sinks: z
        .array(
          z.discriminatedUnion('kind', [
            z.strictObject({ kind: z.literal('file'), path: z.string().min(1).max(1000) }),
            z.strictObject({
              kind: z.literal('webhook'),
              url: z.url({ protocol: /^https?$/ }),
              /** A reference (common/runtime/secrets.ts). */
              secret: z.string().min(1),
            }),
          ]),
        )
        .max(20)
        .default([]),
      bill_runs: z.array(billRunsSchema).max(100).default([]),
      /** Addresses that listeners of TMF678 may register, or what theirs begin with; nothing else is ever asked. */
      bill_listeners: z
        .array(z.url({ protocol: /^https?$/ }))
        .max(100)
        .default([]),
      mail: mailSchema.optional(),
      webhooks: z.array(webhookSchema).max(100).default([]),
      hard_gates: z
        .array(z.enum(GATE_NAMES))
        .max(GATE_NAMES.length)
        .default(['conservation', 'quarantine', 'clock', 'finality', 'earlier_period']),
    })
    .prefault({}),
  legal_entities: z.array(legalEntitySchema).max(100).default([]),
  tax_table: taxTableSchema.optional(),
  customers: z.array(customerSchema).max(100_000).default([]),
  price_plans: z.array(planSchema).max(10_000).default([]),
  racks: z.array(rackSchema).max(100_000).default([]),
  services: z.array(serviceSchema).max(200_000).default([]),
  quotas: z.array(quotaSchema).max(10_000).default([]),
};

const bridgeSchema = z.object(billingBridgeShape);
export type BillingBridgeConfiguration = z.output<typeof bridgeSchema>;

type Issues = Pick<z.core.$RefinementCtx, 'addIssue'>;

/** What a schema of one key cannot see: grids that must fit, contracts that must fit each other. */
export function checkBillingBridge(whole: BillingBridgeConfiguration, context: Issues): void {
  const bridge = whole.billing_bridge;
  const tell = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  if (bridge.rating_window_ms % bridge.bucket_ms !== 0)
    tell(
      ['billing_bridge', 'rating_window_ms'],
      `expected a multiple of bucket_ms (${bridge.bucket_ms}) [window_off_grid]`,
    );
  if (DAY_MS % bridge.bucket_ms !== 0)
    tell(
      ['billing_bridge', 'bucket_ms'],
      'expected a divisor of a day, so that days begin on the grid [bucket_off_grid]',
    );
  if (DAY_MS % bridge.rating_window_ms !== 0)
    tell(['billing_bridge', 'rating_window_ms'], 'expected a divisor of a day [window_off_grid]');
  whole.quotas.forEach((quota, at) => {
    if (!whole.services.some((service) => service.id === quota.service))
      tell(['quotas', at, 'service'], `there is no service ${quota.service} [service_unknown]`);
    if (whole.quotas.findIndex((other) => other.id === quota.id) !== at)
      tell(['quotas', at, 'id'], `${quota.id} stands here a second time [duplicate]`);
  });
  tellWays(whole, tell);
  const invoices = invoiceIssues(whole.legal_entities, whole.customers, whole.tax_table);
  for (const issue of [...billingIssues(whole), ...invoices]) tell([...issue.path], `${issue.message} [${issue.code}]`);
}

/** Whoever is to be told needs a way there. */
function tellWays(
  { billing_bridge: bridge, customers, quotas }: BillingBridgeConfiguration,
  tell: (path: (string | number)[], message: string) => void,
): void {
  const names = bridge.webhooks.map((one) => one.name);
  for (const key of ['webhooks', 'bill_runs'] as const)
    bridge[key].forEach(({ name }, at) => {
      if (bridge[key].findIndex((one) => one.name === name) !== at)
        tell(['billing_bridge', key, at, 'name'], `${name} stands here a second time [duplicate]`);
    });
  const noMail = 'needs billing_bridge.mail, the server that mail goes out through [mail_unset]';
  customers.forEach((customer, at) => {
    if (customer.send_bills === 'email' && bridge.mail === undefined) tell(['customers', at, 'send_bills'], noMail);
  });
  quotas.forEach((quota, at) => {
    if (quota.mail.length > 0 && bridge.mail === undefined) tell(['quotas', at, 'mail'], noMail);
    for (const name of quota.webhooks)
      if (!names.includes(name)) tell(['quotas', at, 'webhooks'], `there is no webhook ${name} [webhook_unknown]`);
  });
}

function billingIssues(whole: BillingBridgeConfiguration): ReturnType<typeof contractIssues> {
  const { services, rackOf } = spreadRacks(whole.services, whole.racks);
  const issues = contractIssues(
    { ...whole, services },
    {
      bucketMs: whole.billing_bridge.bucket_ms,
      meteredIssues,
      tierMistakes: (ends) => tierMistakes(ends.map((upTo) => ({ upTo: upTo === null ? null : Exact.parse(upTo) }))),
    },
  );
  const devices = new Set(whole.devices.map(({ name }) => name));
  return [
    ...rackIssues(whole.services, whole.racks, devices),
    ...issues.map((issue) => ({ ...issue, path: writtenAt(issue.path, rackOf) })),
  ];
}

/** A mistake of a binding that came of a rack stands where the rack is named. */
function writtenAt(
  path: readonly (string | number)[],
  rackOf: (service: number, binding: number) => number | null,
): readonly (string | number)[] {
  const [list, service, field, binding] = path;
  if (list !== 'services' || field !== 'bindings' || typeof service !== 'number' || typeof binding !== 'number')
    return path;
  const rack = rackOf(service, binding);
  return rack === null ? path : [list, service, 'racks', rack];
}

export interface BillingBridgeConfig {
  readonly host: string;
  readonly port: number;
  readonly insecure: boolean;
  readonly collectorUrl: string;
  readonly collectorToken: string | null;
  readonly bucketMs: DurationMs;
  readonly ratingWindowMs: DurationMs;
  readonly mediateEveryMs: DurationMs;
  readonly rateEveryMs: DurationMs;
  readonly publishCharges: boolean;
  readonly maxQueueBacklog: number;
  readonly watermark: string | null;
  readonly hardGates: readonly GateName[];
  readonly databaseUrl: string | null;
  readonly queueUrl: string | null;
  readonly contracts: {
    readonly customers: readonly CustomerDocument[];
    readonly price_plans: readonly PlanDocument[];
    readonly services: readonly ServiceDocument[];
  };
  readonly infrastructure: readonly InfrastructureRule[];
  readonly quotas: readonly Quota[];
  readonly ledgerSinks: BillingBridgeConfiguration['billing_bridge']['ledger_sinks'];
  readonly legalEntities: ReadonlyMap<string, LegalEntity>;
  /** Null: no mail goes out. */
  readonly mail: MailConfig | null;
  readonly webhooks: readonly WebhookConfig[];
  readonly billRuns: readonly BillSchedule[];
  readonly billListeners: readonly string[];
}

export interface MailConfig extends SmtpServer {
  readonly from: string;
  readonly maxAttempts: number;
}

export interface WebhookConfig {
  readonly name: string;
  /** References, as every secret. */
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: DurationMs;
  readonly maxAttempts: number;
}

export function billingBridgeConfig(whole: BillingBridgeConfiguration): BillingBridgeConfig {
  const bridge = whole.billing_bridge;
  return {
    host: bridge.host,
    port: bridge.port,
    insecure: bridge.insecure,
    collectorUrl: bridge.collector_url,
    collectorToken: bridge.collector_token ?? null,
    bucketMs: bridge.bucket_ms,
    ratingWindowMs: bridge.rating_window_ms,
    mediateEveryMs: bridge.mediate_every_ms,
    rateEveryMs: bridge.rate_every_ms,
    publishCharges: bridge.publish_charges,
    maxQueueBacklog: bridge.max_queue_backlog,
    watermark: bridge.watermark ?? null,
    hardGates: bridge.hard_gates,
    databaseUrl: whole.database.url ?? null,
    queueUrl: whole.queue.url ?? null,
    contracts: {
      customers: whole.customers,
      price_plans: whole.price_plans,
      services: spreadRacks(whole.services, whole.racks).services,
    },
    quotas: whole.quotas.map(({ id, service, amount, unit, direction, shares, mail, webhooks }) => ({
      id,
      service,
      direction,
      mail,
      webhooks,
      octets: BigInt(amount) * VOLUME_UNITS[unit],
      shares: shares.toSorted((left, right) => left - right),
    })),
    ledgerSinks: bridge.ledger_sinks,
    mail: bridge.mail === undefined ? null : mailConfigOf(bridge.mail),
    billListeners: bridge.bill_listeners,
    billRuns: bridge.bill_runs.flatMap(({ cron: pattern, retry_held_minutes: minutes, ...one }) => {
      const cron = parseCron(pattern);
      return cron === null ? [] : [{ ...one, cron, pattern, retryHeldMs: minutes * 60_000 }];
    }),
    webhooks: bridge.webhooks.map(({ timeout_ms: timeoutMs, max_attempts: maxAttempts, ...one }) => ({
      ...one,
      timeoutMs,
      maxAttempts,
    })),
    legalEntities: legalEntitiesOf(whole.legal_entities, whole.tax_table),
    infrastructure: whole.devices.flatMap((device) =>
      (device.infrastructure ?? []).map((rule) => ({ device: device.name, ...rule })),
    ),
  };
}

function mailConfigOf(parsed: z.output<typeof mailSchema>): MailConfig {
  const { host, port, security, user = null, password = null, from } = parsed;
  return { host, port, security, user, password, from, timeoutMs: parsed.timeout_ms, maxAttempts: parsed.max_attempts };
}
