// Readings and points as lines of InfluxDB line protocol: tags are ids that never change, so that a line sent again overwrites itself.
import type { Point } from '../../common/model/point.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { COUNTER_COLUMNS } from './metrics.ts';
import { DISCONTINUITY_BIT, type InterfaceRow, interfaceRows, SPEED_BIT, UPTIME_BIT } from './interface-columns.ts';
import { deviceRow, gaugeRows, processHash } from './poll-rows.ts';
import type { ResourceBook } from './resource-book.ts';

/** Measurements of our own; those of other programs never begin so. */
export const MEASUREMENTS = { interface: 'weir_interface', device: 'weir_device', gauge: 'weir_gauge' } as const;
const OWN = /^weir_/;
const MAX_TEXT = 1000;
const TWO_TO_63 = 2n ** 63n;

/** What a server makes of numbers. */
export interface LineForm {
  /** InfluxDB has integers of 64 bits with a sign; VictoriaMetrics turns every value into a float, and takes unsigned ones. */
  readonly counters: 'signed' | 'unsigned';
  /** With the clocks and marks that reading counters back needs. */
  readonly readable: boolean;
}

/** The one way of a Counter64 into a signed integer of 64 bits: two's complement. */
export function signedOf(counter: bigint): bigint {
  return BigInt.asIntN(64, counter);
}

/** And back. */
export function counterOfSigned(stored: bigint): bigint {
  return BigInt.asUintN(64, stored);
}

/** Resources that are too many are left out and counted by `dropped`. */
export function* pollLines(
  poll: Poll,
  clockOffsetMs: number,
  form: LineForm,
  book: ResourceBook,
  dropped: () => void,
): Generator<string> {
  const intervalMs = wholeWithin(poll.intervalMs);
  const device = tagText(poll.device);
  if (book.device(poll.device, intervalMs) === null) dropped();
  else yield deviceLine(poll, clockOffsetMs, device, intervalMs);
  const clocks = form.readable ? `,process=${processHash(poll.processId)}i,interval_ms=${intervalMs}i` : '';
  for (const table of poll.tables) {
    if (table.name === 'interface') {
      for (const row of interfaceRows(table, clockOffsetMs)) {
        if (book.interface(poll.device, row.interfaceKey, intervalMs) === null) {
          dropped();
          continue;
        }
        const fields = interfaceFields(row, form);
        if (fields.length === 0) continue;
        const tags = `device=${device},interface=${tagText(row.interfaceKey)}`;
        yield `${MEASUREMENTS.interface},${tags} ${fields.join(',')}${clocks} ${row.atMs}`;
      }
    } else {
      for (const row of gaugeRows(table, clockOffsetMs)) {
        if (book.gauge(poll.device, row, intervalMs) === null) {
          dropped();
          continue;
        }
        const tags = `device=${device},metric=${tagText(row.metric)},part=${tagText(row.part)}`;
        yield `${MEASUREMENTS.gauge},${tags} value=${row.value},interval_ms=${intervalMs}i ${row.atMs}`;
      }
    }
  }
}

function deviceLine(poll: Poll, clockOffsetMs: number, device: string, intervalMs: DurationMs): string {
  const row = deviceRow(poll, clockOffsetMs);
  const uptime = row.uptimeTicks === null ? '' : `,uptime_ticks=${row.uptimeTicks}i`;
  const counts = `duration_ms=${wholeWithin(row.durationMs)}i,requests=${wholeWithin(row.requests)}i,retries=${wholeWithin(row.retries)}i`;
  const fields = `reachable=${row.reachable ? 1 : 0}i,${counts},interval_ms=${intervalMs}i${uptime}`;
  return `${MEASUREMENTS.device},device=${device} ${fields} ${row.atMs}`;
}

function interfaceFields(row: InterfaceRow, form: LineForm): string[] {
  const fields: string[] = [];
  for (const [bit, column] of COUNTER_COLUMNS.entries()) {
    if ((row.flags & (1 << bit)) === 0) continue;
    const value = row.counters[bit] ?? 0n;
    fields.push(form.counters === 'signed' ? `${column}=${signedOf(value)}i` : `${column}=${value}u`);
  }
  if ((row.flags & SPEED_BIT) !== 0) fields.push(`speed_bps=${row.speedBps}i`);
  if (row.adminStatus > 0) fields.push(`admin_status=${row.adminStatus}i`);
  if (row.operStatus > 0) fields.push(`oper_status=${row.operStatus}i`);
  if (!form.readable) return fields;
  fields.push(`flags=${row.flags}i`, `monotonic_ms=${Math.round(row.monotonicMs)}i`);
  if ((row.flags & UPTIME_BIT) !== 0) fields.push(`uptime_ticks=${row.uptimeTicks}i`);
  if ((row.flags & DISCONTINUITY_BIT) !== 0) fields.push(`discontinuity_ticks=${row.discontinuityTicks}i`);
  return fields;
}

/** A point as it came; null where nothing of it can be said. Its integers keep their sign: one of 2^63 or more makes a line that is refused. */
export function pointLine({ measurement, tags, fields, atMs }: Point): string | null {
  const said = fields.flatMap(([key, value]) => {
    const text = fieldText(value);
    return text === null ? [] : [`${tagText(key)}=${text}`];
  });
  if (said.length === 0) return null;
  const named = tags.filter(([, value]) => value !== '').map(([key, value]) => `,${tagText(key)}=${tagText(value)}`);
  return `${measurementText(measurement)}${named.join('')} ${said.join(',')} ${Math.round(atMs)}`;
}

/** The measurement that points of another program are kept under: its own name, unless that would be one of ours or a comment. */
export function storedMeasurement(measurement: string): string {
  const name = tagValue(OWN.test(measurement) ? `point_${measurement}` : measurement);
  return name.startsWith('#') ? `%23${name.slice(1)}` : name;
}

/** Fields whose integers no signed integer of 64 bits can hold. */
export function tooLarge({ fields }: Point): boolean {
  return fields.some(([, value]) => typeof value === 'bigint' && (value >= TWO_TO_63 || value < -TWO_TO_63));
}

function fieldText(value: Point['fields'][number][1]): string | null {
  if (typeof value === 'string') return `"${value.slice(0, MAX_TEXT).replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  if (typeof value === 'bigint') return `${value}i`;
  if (typeof value === 'boolean') return String(value);
  return Number.isFinite(value) ? String(value) : null;
}

const UNSPEAKABLE = /[\\\p{Cc}]|%[0-9A-F]{2}/u;

/** Line protocol has no word for a backslash at the end or a control character: %XX, and what looks like one already is told apart. */
export function tagValue(text: string): string {
  if (!UNSPEAKABLE.test(text)) return text;
  return text.replaceAll(
    /[%\\\p{Cc}]/gu,
    (one) => `%${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function tagText(text: string): string {
  return tagValue(text).replaceAll(/[,= ]/g, String.raw`\$&`);
}

function measurementText(measurement: string): string {
  return storedMeasurement(measurement).replaceAll(/[, ]/g, String.raw`\$&`);
}

const MOST_INTEGER = 2 ** 31 - 1;

function wholeWithin(value: number): number {
  return Math.max(0, Math.min(MOST_INTEGER, Math.round(value)));
}
