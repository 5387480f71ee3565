// Ports of an account that are bound and not read any more, by the final records that rating wrote of them; one that is read again is none.
import type { Queryable } from '../../common/database/database.ts';
import type { Period } from '../../common/model/period.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Service } from '../account/contract.ts';
import type { UsageReader } from '../mediate/usage.ts';
import type { Finding } from './gates.ts';

interface VanishedRow {
  readonly service: string;
  readonly device: string;
  readonly interface_key: string;
  readonly outcome: string;
  readonly meter: number;
  readonly ended_at_ms: bigint;
}

/** Of each port the newest record, where it counts for a part of the period. */
export async function vanishedIn(
  deps: { readonly database: Queryable; readonly usage: Pick<UsageReader, 'lastSeen'> },
  services: readonly Service[],
  period: Period,
): Promise<Finding[]> {
  const { rows } = await deps.database.query<VanishedRow>(
    `select distinct on (service, device, interface_key) service, device, interface_key, outcome, meter, ended_at_ms
       from billing.final_record
      where service = any($1::text[]) and outcome in ('interface_gone', 'device_silent') and ended_at_ms < $2
      order by service, device, interface_key, ended_at_ms desc, meter`,
    [services.map(({ id }) => id), period.endMs],
  );
  const seen = await deps.usage.lastSeen(rows.map(({ meter }) => meter));
  const found: Finding[] = [];
  for (const row of rows) {
    const endedAtMs = Number(row.ended_at_ms);
    const fromMs = Math.max(endedAtMs, period.startMs);
    if (!isBound(services, row, fromMs)) continue;
    if ((seen.get(row.meter) ?? 0) > endedAtMs) continue;
    const { service, device, interface_key: name, outcome } = row;
    found.push({ service, device, interface: name, reason: outcome, readUntil: isoTime(endedAtMs) });
  }
  return found;
}

function isBound(services: readonly Service[], row: VanishedRow, at: EpochMs): boolean {
  return services.some(
    ({ id, bindings }) =>
      id === row.service &&
      bindings.some(
        (one) =>
          one.device === row.device &&
          one.interface === row.interface_key &&
          one.fromMs <= at &&
          (one.toMs === null || one.toMs > at),
      ),
  );
}
