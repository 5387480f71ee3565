// What the SNMP side notices of a device and an operator must hear: an event of the poll stream and a log line, not more often than is useful.
import { randomUUID } from 'node:crypto';
import { EVENT_LIMITS, type DeviceEvent, type EventDetail } from '../../common/model/event.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface DeviceNoticesDeps {
  readonly clock: Clock;
  readonly onEvent: (event: DeviceEvent) => void;
}

/** The same of the same device within this time is counted, and told with the next. */
const QUIET_MS = 600_000;
const MOST_REMEMBERED = 50_000;

interface Told {
  readonly atMs: number;
  held: number;
}

export class DeviceNotices {
  readonly #reporter: Reporter;
  readonly #deps: DeviceNoticesDeps;
  readonly #told = new Map<string, Told>();
  readonly #held: CounterMetric;

  constructor(reporter: Reporter, deps: DeviceNoticesDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#held = reporter.counter('snmp_device_notices_held_total', 'Events not raised again so soon, by name.', [
      'name',
    ]);
  }

  /** `source`: the address it came from, where it came over the network. */
  raise(device: string, name: string, details: readonly EventDetail[], source: string | null = null): void {
    const { clock } = this.#deps;
    const key = `${device} ${name}`;
    const told = this.#told.get(key);
    const now = clock.monotonicMs();
    if (told !== undefined && now - told.atMs < QUIET_MS) {
      told.held += 1;
      return this.#held.add(1, { name });
    }
    if (this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.set(key, { atMs: now, held: 0 });
    const held = told === undefined || told.held === 0 ? [] : [{ name: 'held_back', value: String(told.held) }];
    const all = [...details, ...held].slice(0, EVENT_LIMITS.details);
    const fields = Object.fromEntries(all.map((detail) => [detail.name, detail.value]));
    this.#reporter.warn(`${name.replaceAll('_', ' ')}`, { device, ...fields });
    this.#deps.onEvent({
      id: randomUUID(),
      device,
      source,
      origin: 'agent',
      name,
      observedAtMs: clock.now(),
      uptimeTicks: null,
      interfaceKey: null,
      details: all,
    });
  }
}
