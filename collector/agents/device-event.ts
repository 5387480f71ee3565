// What happened at devices, as the collector keeps and tells it.
import type { DeviceEvent, EventOrigin } from '../../common/model/event.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';

/** An event as the API and the live stream tell it. */
export interface KeptEvent {
  /** Permanent, decimal; grows in the order in which events were kept. */
  readonly id: string;
  /** Given by the agent: the same event never counts twice. */
  readonly eventId: string;
  readonly agent: string;
  readonly device: string | null;
  readonly source: string | null;
  readonly origin: string;
  readonly name: string;
  /** ISO 8601; the agent's clock less its offset, never later than the event arrived. */
  readonly observedAt: string;
  readonly receivedAt: string;
  readonly uptimeTicks: number | null;
  readonly interfaceKey: string | null;
  readonly details: DeviceEvent['details'];
}

export interface EventsQuery {
  readonly device?: string | undefined;
  readonly agent?: string | undefined;
  readonly source?: string | undefined;
  readonly origin?: EventOrigin | undefined;
  readonly name?: string | undefined;
  /** Only those whose id is higher. */
  readonly after?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** The port through which the API reads them; the newest first. */
export interface DeviceEvents {
  list(
    viewpoint: Viewpoint,
    query: EventsQuery,
  ): Promise<{ readonly items: readonly KeptEvent[]; readonly next: string | null }>;
}

export interface EventRow {
  readonly id: bigint;
  readonly event_id: string;
  readonly agent: string;
  readonly device: string | null;
  readonly source: string | null;
  readonly origin: string;
  readonly name: string;
  readonly observed_at_ms: bigint;
  readonly received_at_ms: bigint;
  readonly uptime_ticks: bigint | null;
  readonly interface_key: string | null;
  readonly details: DeviceEvent['details'];
}

export const EVENT_COLUMNS =
  'id, event_id, agent, device, source, origin, name, observed_at_ms, received_at_ms, uptime_ticks, interface_key, details';

export function keptEventOf(row: EventRow): KeptEvent {
  return {
    id: row.id.toString(),
    eventId: row.event_id,
    agent: row.agent,
    device: row.device,
    source: row.source,
    origin: row.origin,
    name: row.name,
    observedAt: isoTime(Number(row.observed_at_ms)),
    receivedAt: isoTime(Number(row.received_at_ms)),
    uptimeTicks: row.uptime_ticks === null ? null : Number(row.uptime_ticks),
    interfaceKey: row.interface_key,
    details: row.details,
  };
}
