// Service levels as a file of RFC 4180, one line a service.
import { availabilityOf } from '../../common/model/service-level.ts';
import { isoTime } from '../../common/model/time.ts';
import type { LevelOfService } from './service-level-desk.ts';

const COLUMNS =
  'customer,service,name,service_level,from,to,availability_percent,measured_ms,outage_ms,excluded_ms,degraded_ms,outages,known_until,complete';

export function levelsCsv(levels: readonly LevelOfService[]): string {
  const lines = levels.map(({ service, span, level, knownUntilMs }) =>
    [
      service.customer.id,
      service.id,
      service.name,
      service.serviceLevel ?? '',
      isoTime(span.fromMs),
      isoTime(span.toMs),
      availabilityOf(level)?.toFixed(4, 'down') ?? '',
      String(level.measuredMs),
      String(level.outageMs),
      String(level.excludedMs),
      String(level.degradedMs),
      String(level.outages.filter(({ counted }) => counted).length),
      isoTime(knownUntilMs),
      String(knownUntilMs >= span.toMs),
    ]
      .map(cell)
      .join(','),
  );
  return [COLUMNS, ...lines, ''].join('\r\n');
}

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** What begins like a formula of a spreadsheet, also after white space that it drops, is text; `-1+…` is one, too. */
function cell(text: string): string {
  const safe = /^\s*[=+\-@\t\r]/.test(text) && !DECIMAL.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
