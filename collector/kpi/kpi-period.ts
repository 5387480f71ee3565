// The periods that KPIs are asked for: hours, days, weeks and months of a time zone.
import { periodNamed, startOfDate, zoneKnown } from '../../common/model/period.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Span } from './compute.ts';

const DAY_MS = 86_400_000;

/** `2026-11`, `2026-W48` (ISO 8601: from Monday), `2026-11-24`, `2026-11-24T08Z`. Throws invalid_request. */
export function spanOfPeriod(name: string, zone: string): Span {
  if (!zoneKnown(zone)) throw wrong('zone', 'expected a time zone such as Europe/Berlin');
  const week = /^(\d{4})-W(\d{2})$/.exec(name);
  if (week !== null) return spanOfWeek(Number(week[1]), Number(week[2]), zone);
  const period = periodNamed(name, zone);
  if (period === null) throw wrong('period', 'expected 2026-11, 2026-W48, 2026-11-24 or 2026-11-24T08Z');
  return { fromMs: period.startMs, toMs: period.endMs };
}

function spanOfWeek(year: number, week: number, zone: string): Span {
  // The first week is that of 4 January.
  const fourth = Date.UTC(year, 0, 4);
  const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_MS + (week - 1) * DAY_MS * 7;
  const thursday = new Date(monday + 3 * DAY_MS);
  const [fromMs, toMs] = [monday, monday + 7 * DAY_MS].map((at) =>
    startOfDate(new Date(at).toISOString().slice(0, 10), zone),
  );
  if (week < 1 || thursday.getUTCFullYear() !== year || fromMs == null || toMs == null)
    throw wrong('period', `the year ${year} has no week ${week}`);
  return { fromMs, toMs };
}

function wrong(path: string, message: string): WeirError {
  return new WeirError('invalid_request', `${path}: ${message}.`, { issues: [{ path, message }] });
}
