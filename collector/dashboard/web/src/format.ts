// How numbers, times and words look on the page; octets and money arrive as text and are never made floating-point.
import { locale, t } from './words.ts';

const SI = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

/** 1234567 → "1.23 M"; for the eye, so a number is enough. */
export function scaled(figure: number | null, unit: string): string {
  if (figure === null || Number.isNaN(figure)) return '–';
  let [value, step] = [figure, 0];
  while (Math.abs(value) >= 1000 && step < SI.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3);
  return `${digits} ${SI[step]}${unit}`;
}

export function rate(bitsPerSecond: number | null): string {
  return scaled(bitsPerSecond, 'bit/s');
}

export function percent(value: number | null): string {
  return value === null || Number.isNaN(value) ? '–' : `${value.toFixed(Math.abs(value) < 10 ? 2 : 1)} %`;
}

/** A value with its unit as the device gives it. */
export function measured(value: number | null, unit: string): string {
  if (value === null) return '–';
  if (unit === '%') return percent(value);
  if (unit === 'octet' || unit === 'bit/s') return scaled(value, unit === 'octet' ? 'B' : unit);
  return `${Number.isInteger(value) ? value : Number(value.toPrecision(5))} ${unit}`.trim();
}

/** Between thousands: narrow, without a break, and without meaning to the direction of the text, so that a number stays one in Arabic too. */
const THIN = '\u202f';

/** Exact integers as they are, in groups of three: "1 838 294 981". */
export function exactInteger(text: string): string {
  return text.replaceAll(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

/** An exact sum with its thousands apart: "12 345.60". */
export function amount(text: string): string {
  const [whole = '', part] = text.split('.');
  return part === undefined ? exactInteger(whole) : `${exactInteger(whole)}.${part}`;
}

/** Exact octets shortened for a glance; the exact figure belongs in the title. */
export function octets(text: string): string {
  let [value, step] = [BigInt(text) * 100n, 0];
  while (value >= 100_000n && step < SI.length - 1) {
    value /= 1000n;
    step += 1;
  }
  const whole = value / 100n;
  const digits = step === 0 || whole >= 100n ? `${whole}` : `${whole}.${(value % 100n).toString().padStart(2, '0')}`;
  return `${digits} ${SI[step]}B`;
}

/** A length of time that is configured: "5 s", "2 min". */
export function seconds(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}

/** Made once for each form: a list of thousands writes two in each row. */
const formats = new Map<string, Intl.DateTimeFormat>();

function written(at: Date, options: Intl.DateTimeFormatOptions): string {
  const key = `${locale() ?? ''} ${JSON.stringify(options)}`;
  // Of 24 hours, as logs and devices write them.
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale(), { ...options, hourCycle: 'h23' });
  formats.set(key, format);
  return format.format(at);
}

/** The time of day, with the date where it is not today's. */
export function moment(iso: string | null): string {
  if (iso === null || iso === '') return '–';
  const at = new Date(iso);
  const now = new Date();
  if (now.toDateString() === at.toDateString()) return time(iso);
  const year = now.getFullYear() === at.getFullYear() ? {} : { year: 'numeric' as const };
  const date = written(at, { day: '2-digit', month: '2-digit', ...year });
  return `${date} ${written(at, { hour: '2-digit', minute: '2-digit' })}`;
}

const ISO_TIME = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** A sentence of the server with its times as the reader's clock has them. */
export function readable(text: string): string {
  return text.replaceAll(ISO_TIME, (iso) => moment(iso));
}

export function time(iso: string | null): string {
  if (iso === null || iso === '') return '–';
  return written(new Date(iso), { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** A day in the zone of a contract. */
export function day(iso: string | null, zone?: string): string {
  if (iso === null || iso === '') return '–';
  const date = { year: 'numeric', month: 'numeric', day: 'numeric' } as const;
  return written(new Date(iso), zone === undefined ? date : { ...date, timeZone: zone });
}

export function ago(iso: string | null, now: number): string {
  if (iso === null || iso === '') return t('time.never');
  const passed = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (passed < 90) return t('time.secondsAgo', { n: passed });
  if (passed < 5400) return t('time.minutesAgo', { n: Math.round(passed / 60) });
  if (passed < 172_800) return t('time.hoursAgo', { n: Math.round(passed / 3600) });
  return t('time.daysAgo', { n: Math.round(passed / 86_400) });
}

/** "3 d 4 h" of a length in seconds. */
export function duration(s: number): string {
  const [days, hours, minutes] = [Math.floor(s / 86_400), Math.floor((s % 86_400) / 3600), Math.floor((s % 3600) / 60)];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(s % 60)} s`;
}
