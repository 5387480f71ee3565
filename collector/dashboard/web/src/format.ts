// How numbers, times and words look on the page; octets and money arrive as text and are never made floating-point.

const SI = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

/** 1234567 → "1.23 Mbit/s"; a rate for the eye, so a number is enough. */
export function rate(bitsPerSecond: number | null): string {
  if (bitsPerSecond === null || Number.isNaN(bitsPerSecond)) return '–';
  let [value, step] = [bitsPerSecond, 0];
  while (Math.abs(value) >= 1000 && step < SI.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${value >= 100 || step === 0 ? Math.round(value) : value.toPrecision(3)} ${SI[step]}bit/s`;
}

/** Exact octets as they are, with thin spaces: "1 838 294 981". */
export function exactInteger(text: string): string {
  return text.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ' ');
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

/** The time of day, with the date where it is not today's. */
export function moment(iso: string | null): string {
  if (iso === null || iso === '') return '–';
  const at = new Date(iso);
  const today = new Date().toDateString() === at.toDateString();
  return today ? time(iso) : `${at.toLocaleDateString()} ${time(iso)}`;
}

export function time(iso: string | null): string {
  if (iso === null || iso === '') return '–';
  const at = new Date(iso);
  return at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

export function ago(iso: string | null, now: number): string {
  if (iso === null || iso === '') return 'never';
  const passed = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (passed < 90) return `${passed} s ago`;
  if (passed < 5400) return `${Math.round(passed / 60)} min ago`;
  return `${Math.round(passed / 3600)} h ago`;
}
