// What happens in a simulated network and when, so that a test knows which alarms and gaps must follow.
import type { Stream } from './flow.ts';
import { type Recurrence, TICK_MS, windowsBegun, windowsEnded, windowStart } from './recurrence.ts';
import { type Network, tickAt } from './truth.ts';

export type EventKind = 'restart' | 'silence' | 'linkDown' | 'reset' | 'burst';

export interface NetworkEvent {
  readonly kind: EventKind;
  readonly device: string;
  /** ifName; null where it is the whole device. */
  readonly interface: string | null;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Recurring {
  readonly kind: EventKind;
  readonly device: string;
  readonly interface: string | null;
  readonly windows: Recurrence;
}

/** More than this in one answer is cut off; `weir simulate` tells so. */
const MAX_EVENTS = 100_000;

/** Everything that touches `[fromMs, toMs)`, in order of its beginning. */
export function eventsBetween(network: Network, fromMs: number, toMs: number): NetworkEvent[] {
  const [from, to] = [tickAt(network, fromMs), tickAt(network, toMs)];
  const found: NetworkEvent[] = [];
  for (const { windows, ...what } of recurring(network)) {
    const last = windowsBegun(windows, to - 1);
    for (let n = windowsEnded(windows, from); n < last && found.length < MAX_EVENTS; n += 1) {
      const startMs = network.startedAtMs + windowStart(windows, n) * TICK_MS;
      found.push({ ...what, fromMs: startMs, toMs: startMs + windows.length * TICK_MS });
    }
  }
  return found.toSorted((a, b) => a.fromMs - b.fromMs);
}

function recurring(network: Network): Recurring[] {
  return network.devices.flatMap(({ definition: { name, restarts, silences, ports } }) => [
    ...(restarts === null ? [] : [{ kind: 'restart', device: name, interface: null, windows: restarts } as const]),
    ...(silences === null ? [] : [{ kind: 'silence', device: name, interface: null, windows: silences } as const]),
    ...ports.flatMap((port): Recurring[] => {
      const place = { device: name, interface: port.name };
      return [
        ...port.downs.map((windows) => ({ kind: 'linkDown' as const, ...place, windows })),
        ...(port.resets === null ? [] : [{ kind: 'reset' as const, ...place, windows: port.resets }]),
        ...[...port.in, ...port.out].flatMap((stream: Stream) =>
          stream.burst === null ? [] : [{ kind: 'burst' as const, ...place, windows: stream.burst.windows }],
        ),
      ];
    }),
  ]);
}
