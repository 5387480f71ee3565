// What service credits rest on: records of outages as the collector told them, kept in versions, so that a charge can be computed again bit for bit.
import { createHash } from 'node:crypto';
import type { Queryable } from '../../common/database/database.ts';
import {
  availabilityOf,
  type DownRecord,
  type LevelTerms,
  type PortRecord,
  serviceLevelOf,
} from '../../common/model/service-level.ts';
import type { Span } from '../../common/model/spans.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { PlanVersion, Service } from '../account/contract.ts';
import type { OutageRecords } from './outage-source.ts';
import type { CreditGrounds, ServiceCreditPrice } from './service-credit.ts';
import type { RatingWindow } from './windows.ts';

/** One version of what is known of a service in a window. */
export interface LevelEvidence {
  readonly version: number;
  /** False where agents never told of all of it. */
  readonly complete: boolean;
  readonly digest: string;
  readonly ports: readonly PortRecord[];
}

/** A port of a service in a window. */
export type BoundSpan = Span & { readonly resource: string };

/** In the order of the contract. */
export function portsIn(service: Service, { startMs, endMs }: RatingWindow): BoundSpan[] {
  return service.bindings.flatMap((binding) => {
    const fromMs = Math.max(binding.fromMs, service.fromMs, startMs);
    const toMs = Math.min(binding.toMs ?? Infinity, service.toMs ?? Infinity, endMs);
    return fromMs < toMs ? [{ resource: `${binding.device}/${binding.interface}`, fromMs, toMs }] : [];
  });
}

/** Tells which ports evidence is about. */
export function portsKey(ports: readonly BoundSpan[]): string {
  return ports
    .map(({ resource, fromMs, toMs }) => `${resource} ${fromMs} ${toMs}`)
    .toSorted()
    .join('\n');
}

/** What was told of a port, in one order; that an alarm went on after the port was bound is nothing of this window. */
export function portRecordOf(port: BoundSpan, { downs, windows }: OutageRecords): PortRecord {
  return {
    ...port,
    downs: downs
      .map(({ alarm, alarmType, resource, fromMs, toMs }) => ({
        alarm,
        alarmType,
        resource,
        fromMs,
        toMs: Math.min(toMs ?? port.toMs, port.toMs),
      }))
      .toSorted((one, other) => one.fromMs - other.fromMs || (one.alarm < other.alarm ? -1 : 1)),
    windows: windows
      .map(({ window, fromMs, toMs, announcedAtMs, reason }) => ({
        window,
        fromMs,
        toMs: Math.min(toMs, port.toMs),
        announcedAtMs,
        reason,
      }))
      .toSorted((one, other) => one.fromMs - other.fromMs || (one.window < other.window ? -1 : 1)),
  };
}

export function evidenceDigest(ports: readonly PortRecord[], complete: boolean): string {
  return createHash('sha256').update(JSON.stringify({ complete, ports })).digest('hex');
}

interface Row {
  readonly service: string;
  readonly window_start_ms: bigint;
  readonly version: number;
  readonly complete: boolean;
  readonly digest: string;
  readonly ports: readonly PortRecord[];
}

/** The newest version of each window that has one, by `evidenceKey`. */
export async function newestEvidence(
  connection: Queryable,
  windows: readonly { readonly service: string; readonly startMs: EpochMs }[],
  untilVersion: number | null = null,
): Promise<Map<string, LevelEvidence>> {
  if (windows.length === 0) return new Map();
  const { rows } = await connection.query<Row>(
    `select distinct on (e.service, e.window_start_ms) e.service, e.window_start_ms, e.version, e.complete, e.digest, e.ports
       from unnest($1::text[], $2::int8[]) as asked (service, window_start_ms)
       join billing.level_evidence e using (service, window_start_ms)
      where $3::int is null or e.version <= $3
      order by e.service, e.window_start_ms, e.version desc`,
    [windows.map(({ service }) => service), windows.map(({ startMs }) => startMs), untilVersion],
  );
  return new Map(
    rows.map(({ service, window_start_ms: startMs, ...evidence }) => [
      evidenceKey({ service, startMs: Number(startMs) }),
      evidence,
    ]),
  );
}

export function evidenceKey({ service, startMs }: { readonly service: string; readonly startMs: EpochMs }): string {
  return `${service} ${startMs}`;
}

/** Null where nothing is kept, or what is kept is about other ports than the contract names now. */
export function fittingEvidence(
  evidence: LevelEvidence | undefined,
  service: Service,
  window: RatingWindow,
): LevelEvidence | null {
  if (evidence === undefined) return null;
  return portsKey(evidence.ports) === portsKey(portsIn(service, window)) ? evidence : null;
}

export function levelTerms(price: ServiceCreditPrice, zone: string): LevelTerms {
  return { ...price.terms, zone };
}

/** How the availability of a service is measured by the contract of an instant; null where it does not say. */
export function termsAt(book: ContractBook, service: Service, at: EpochMs): LevelTerms | null {
  const plan: PlanVersion | null = book.planAt(service, Math.max(at, service.fromMs));
  for (const { price } of plan?.items ?? [])
    if (price.kind === 'service_credit') return levelTerms(price, book.customerOf(service).zone);
  return null;
}

export function creditGrounds(
  evidence: LevelEvidence,
  terms: LevelTerms,
  window: RatingWindow,
  recurring: CreditGrounds['recurring'],
): CreditGrounds {
  const level = serviceLevelOf(terms, { fromMs: window.startMs, toMs: window.endMs }, evidence.ports);
  return { level, recurring, digest: evidence.digest };
}

/** Outages that a charge names itself; the others are found in what is kept. */
const MOST_NAMED = 200;

/** Of a charge: what its credit was computed from. */
export function describeGrounds(
  evidence: LevelEvidence,
  terms: LevelTerms,
  { level, recurring }: CreditGrounds,
): object {
  const { outages, ...times } = level;
  return {
    version: evidence.version,
    digest: evidence.digest,
    complete: evidence.complete,
    ports: evidence.ports.map(({ resource, fromMs, toMs }) => ({ resource, from: isoTime(fromMs), to: isoTime(toMs) })),
    terms,
    recurring: recurring.toString(),
    ...times,
    availability: availabilityOf(level)?.toString() ?? null,
    outages: outages.slice(0, MOST_NAMED).map(({ fromMs, toMs, alarms, ...outage }) => ({
      from: isoTime(fromMs),
      to: isoTime(toMs),
      ...outage,
      alarms: alarms.map(describeDown),
    })),
    outagesInAll: outages.length,
  };
}

function describeDown({ fromMs, toMs, ...alarm }: DownRecord): object {
  return { ...alarm, from: isoTime(fromMs), to: toMs === null ? null : isoTime(toMs) };
}
