// The periods that a report is asked for: whole days and months of the reader's zone, or lengths that end now. Pure.

export const KPI_PERIODS = ['today', 'yesterday', 'week', 'month', 'last-month', 'days31'] as const;
export type KpiPeriod = (typeof KPI_PERIODS)[number];

const DAY_MS = 86_400_000;
const STEP_MS = 60_000;

/** As the API wants it; ends that move are cut to the minute, so that an answer is asked for once a minute. */
export function kpiSpan(period: KpiPeriod, now: number, zone: string): Readonly<Record<string, string>> {
  const at = (ms: number): string => new Date(ms).toISOString();
  const dayOf = (ms: number): string => new Date(ms).toLocaleDateString('sv-SE', { timeZone: zone });
  const end = Math.floor(now / STEP_MS) * STEP_MS;
  switch (period) {
    case 'today':
      return { period: dayOf(now), zone };
    case 'yesterday':
      return { period: dayOf(now - DAY_MS), zone };
    case 'month':
      return { period: dayOf(now).slice(0, 7), zone };
    case 'last-month':
      return { period: monthBefore(dayOf(now)), zone };
    case 'week':
      return { from: at(end - 7 * DAY_MS), to: at(end) };
    case 'days31':
      return { from: at(end - 31 * DAY_MS), to: at(end) };
  }
}

function monthBefore(day: string): string {
  const [year = 1970, month = 1] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month - 2, 1)).toISOString().slice(0, 7);
}
