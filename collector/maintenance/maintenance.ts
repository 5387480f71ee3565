// What maintenance says to others: of an alarm that it is hidden and until when, of a resource which time does not count.
import type { Queryable } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { Silence, SilenceSource } from '../faults/silence.ts';
import type { AgreedWindow } from '../../common/model/service-level.ts';
import {
  announcedAtMs,
  concerns,
  type MaintenanceSubject,
  occurrences,
  type Span,
  windowAt,
} from './maintenance-window.ts';
import type { WindowBook } from './window-book.ts';

/** What a window is to an alarm, as the API shows it. */
export interface MaintenanceMark {
  readonly id: string;
  readonly until: string;
}

export interface MaintenanceDeps {
  readonly book: Pick<WindowBook, 'windows' | 'refresh'>;
  readonly siteOf: (device: string) => string | null;
  readonly tagsOf: (device: string) => readonly string[];
  /** Ids of the services bound to `device/interfaceKey` at an instant. */
  readonly servicesOf: (resource: string, atMs: EpochMs) => readonly string[];
}

export class Maintenance implements SilenceSource {
  readonly #deps: MaintenanceDeps;

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps;
  }

  async silencesOf(
    connection: Queryable,
    alarms: readonly AlarmRow[],
    nowMs: EpochMs,
  ): Promise<ReadonlyMap<string, Silence>> {
    const windows = await this.#deps.book.refresh(connection);
    const found = new Map<string, Silence>();
    if (windows.length === 0) return found;
    for (const alarm of alarms) {
      const inForce = windowAt(windows, this.#subject(alarm.resource, alarm.device, nowMs), nowMs);
      if (inForce === null) continue;
      const { window, span } = inForce;
      const text = `in maintenance window ${window.id} until ${isoTime(span.toMs)}: ${window.reason}`;
      found.set(alarm.id.toString(), { kind: 'maintenance', text, untilMs: span.toMs });
    }
    return found;
  }

  /** From memory, for answers and events: as the windows were at the last look. */
  markOf(alarm: { readonly resource: string; readonly device: string | null }, atMs: EpochMs): MaintenanceMark | null {
    const { windows } = this.#deps.book;
    if (windows.length === 0) return null;
    const inForce = windowAt(windows, this.#subject(alarm.resource, alarm.device, atMs), atMs);
    return inForce === null ? null : { id: inForce.window.id, until: isoTime(inForce.span.toMs) };
  }

  /** Spans that do not count for KPIs of a resource: of windows that were agreed so. */
  excluded(resource: string, span: Span): Span[] {
    const windows = this.#deps.book.windows.filter(({ excludedFromKpis }) => excludedFromKpis);
    if (windows.length === 0) return [];
    const subject = this.#subject(resource, resource.split('/')[0] ?? resource, span.fromMs);
    return windows.flatMap((window) => (concerns(window.targets, subject) ? occurrences(window, span) : []));
  }

  /** Occurrences of windows that were agreed, which reports and bills may leave out, and when each was announced; `service` is what the resource is bound to then. */
  agreed(resource: string, service: string | null, span: Span): AgreedWindow[] {
    const { windows } = this.#deps.book;
    const known = this.#subject(resource, resource.split('/')[0] ?? resource, span.fromMs);
    const subject = service === null ? known : { ...known, services: [service] };
    return windows
      .filter(({ excludedFromKpis, targets }) => excludedFromKpis && concerns(targets, subject))
      .flatMap((window) =>
        occurrences(window, span).map((one) => ({
          window: window.id,
          ...one,
          announcedAtMs: announcedAtMs(windows, window, one),
          reason: window.reason,
        })),
      )
      .toSorted((one, other) => one.fromMs - other.fromMs || (one.window < other.window ? -1 : 1));
  }

  #subject(resource: string, device: string | null, atMs: EpochMs): MaintenanceSubject {
    return {
      resource,
      device,
      // The alarm of a whole site is of no device.
      site: device === null ? siteNamed(resource) : this.#deps.siteOf(device),
      tags: device === null ? [] : this.#deps.tagsOf(device),
      services: resource.includes('/') ? this.#deps.servicesOf(resource, atMs) : [],
    };
  }
}

function siteNamed(resource: string): string | null {
  return resource.startsWith('site:') ? resource.slice('site:'.length) : null;
}
