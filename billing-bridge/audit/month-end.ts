// The report at the end of a period: of every port what was expected and what came, what is missing and why, and whether neighbours agree. Pure.
import type { DurationMs } from '../../common/model/time.ts';
import type { InterfaceState } from '../account/interface-state.ts';
import type { Meter, UsageRecord } from '../mediate/usage.ts';

export interface MeterMonth {
  readonly meter: Meter;
  readonly state: InterfaceState;
  /** Buckets of the period, those with a record, and those that readings cover throughout. */
  readonly samples: { readonly expected: number; readonly received: number; readonly whole: number };
  readonly octets: {
    readonly good: bigint;
    readonly wrapped: bigint;
    readonly gap: bigint;
    readonly suspended: bigint;
  };
  readonly gapMs: DurationMs;
  readonly lostMs: DurationMs;
  /** Records whose readings came late: they have a version above the first. */
  readonly corrected: number;
}

export function meterMonth(
  meter: Meter,
  state: InterfaceState,
  records: readonly UsageRecord[],
  span: { readonly fromMs: number; readonly toMs: number; readonly bucketMs: DurationMs },
): MeterMonth {
  const sum = { good: 0n, wrapped: 0n, gap: 0n, suspended: 0n };
  let [whole, gapMs, lostMs, corrected] = [0, 0, 0, 0];
  for (const { octets, coveredMs, bucketMs, version, ...record } of records) {
    sum.good += octets.good;
    sum.wrapped += octets.wrapped;
    sum.gap += octets.gap;
    sum.suspended += octets.suspended;
    gapMs += record.gapMs;
    lostMs += record.lostMs;
    if (coveredMs >= bucketMs) whole += 1;
    if (version > 1) corrected += 1;
  }
  const expected = Math.ceil((span.toMs - span.fromMs) / span.bucketMs);
  return {
    meter,
    state,
    samples: { expected, received: records.length, whole },
    octets: sum,
    gapMs,
    lostMs,
    corrected,
  };
}

export interface PortEnd {
  readonly device: string;
  readonly interfaceKey: string;
}

/** Octets that one end sent and the other received. */
export interface Compared {
  readonly what: string;
  readonly from: string;
  readonly to: string;
  readonly sent: bigint;
  readonly received: bigint;
  /** Parts per million of the larger of the two. */
  readonly differencePpm: number;
  readonly agrees: boolean;
}

/** Both directions of each link whose two ends are counted. */
export function compareLinks(
  links: readonly { readonly a: PortEnd; readonly b: PortEnd }[],
  months: readonly MeterMonth[],
  tolerancePpm: number,
): Compared[] {
  const octets = octetsByPort(months);
  return links.flatMap(({ a, b }) => {
    const [left, right] = [octets.get(portName(a)), octets.get(portName(b))];
    if (left === undefined || right === undefined) return [];
    return [
      compared('link', portName(a), portName(b), left.out, right.in, tolerancePpm),
      compared('link', portName(b), portName(a), right.out, left.in, tolerancePpm),
    ];
  });
}

/**
 * What the access ports of a device received against what its uplinks sent, and back. They agree where the device only passes on; traffic
 * between its own ports, or to itself, shows as a difference.
 */
export function compareUplinks(months: readonly MeterMonth[], tolerancePpm: number): Compared[] {
  const devices = new Map<
    string,
    { up: { in: bigint; out: bigint }; access: { in: bigint; out: bigint }; uplinks: number }
  >();
  for (const { meter, state, octets } of months) {
    const found = devices.get(meter.device) ?? { up: { in: 0n, out: 0n }, access: { in: 0n, out: 0n }, uplinks: 0 };
    const uplink = state.state === 'infrastructure' && /uplink/i.test(state.reason);
    (uplink ? found.up : found.access)[meter.direction] += octets.good + octets.wrapped + octets.gap;
    if (uplink) found.uplinks += 1;
    devices.set(meter.device, found);
  }
  return [...devices].flatMap(([device, { up, access, uplinks }]) =>
    uplinks === 0
      ? []
      : [
          compared('uplink', `access ports of ${device}`, `uplinks of ${device}`, access.in, up.out, tolerancePpm),
          compared('uplink', `uplinks of ${device}`, `access ports of ${device}`, up.in, access.out, tolerancePpm),
        ],
  );
}

export function portName({ device, interfaceKey }: PortEnd): string {
  return `${device} ${interfaceKey}`;
}

function octetsByPort(months: readonly MeterMonth[]): Map<string, { in: bigint; out: bigint }> {
  const found = new Map<string, { in: bigint; out: bigint }>();
  for (const { meter, octets } of months) {
    const port = found.get(portName(meter)) ?? { in: 0n, out: 0n };
    port[meter.direction] += octets.good + octets.wrapped + octets.gap;
    found.set(portName(meter), port);
  }
  return found;
}

function compared(
  what: string,
  from: string,
  to: string,
  sent: bigint,
  received: bigint,
  tolerancePpm: number,
): Compared {
  const [difference, larger] = sent > received ? [sent - received, sent] : [received - sent, received];
  const differencePpm = larger === 0n ? 0 : Number((difference * 1_000_000n) / larger);
  return { what, from, to, sent, received, differencePpm, agrees: differencePpm <= tolerancePpm };
}
