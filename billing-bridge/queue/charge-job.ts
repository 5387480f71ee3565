// The job that carries rated charges to an operator's own billing system: a documented, versioned form (docs/billing-queue.md).
import { isoTime } from '../../common/model/time.ts';
import type { Charge } from '../rate/charge-store.ts';
import type { CarriedJob } from './work-queue.ts';

export const CHARGE_JOB_NAME = 'rated-charges';
/** Grows when a field changes its meaning or goes; fields may be added under the same version. */
export const CHARGE_JOB_VERSION = 1;

const CHARGES_PER_JOB = 500;

/** One charge as it travels. `id` is unique for ever; a later version of the same key replaces the earlier ones. */
export interface CarriedCharge {
  readonly id: string;
  readonly service: string;
  readonly item: string;
  readonly kind: string;
  readonly windowStart: string;
  readonly windowEnd: string;
  /** From 1; above 1 it replaces the version before it. */
  readonly version: number;
  /** TMF635 usage status. */
  readonly status: 'rated' | 'rerated';
  readonly plan: string;
  readonly planVersion: number;
  readonly currency: string;
  readonly quantity: string;
  readonly unit: string;
  /** Exact and not rounded: a decimal, or `numerator/denominator` where no decimal ends. */
  readonly amount: string;
  readonly usageRecords: number;
}

export interface ChargeJobData {
  readonly schema: 'weir.rated-charges';
  readonly version: typeof CHARGE_JOB_VERSION;
  readonly run: string;
  readonly account: string;
  readonly ratedAt: string;
  readonly charges: readonly CarriedCharge[];
}

/** One job an account, or several where it has very many charges; ids follow from the charges, so the same charges make the same jobs. */
export function chargeJobs(run: bigint, charges: readonly Charge[]): CarriedJob[] {
  const accounts = new Map<string, Charge[]>();
  for (const charge of charges) {
    const list = accounts.get(charge.customer);
    if (list === undefined) accounts.set(charge.customer, [charge]);
    else list.push(charge);
  }
  return [...accounts].flatMap(([account, list]) => {
    const jobs: CarriedJob[] = [];
    for (let at = 0; at < list.length; at += CHARGES_PER_JOB) {
      const part = list.slice(at, at + CHARGES_PER_JOB);
      const first = part[0];
      if (first === undefined) continue;
      const data: ChargeJobData = {
        schema: 'weir.rated-charges',
        version: CHARGE_JOB_VERSION,
        run: run.toString(),
        account,
        ratedAt: isoTime(first.ratedAtMs),
        charges: part.map(carried),
      };
      jobs.push({ id: `charges-${run}-${first.id}-${account}`, name: CHARGE_JOB_NAME, data });
    }
    return jobs;
  });
}

function carried(charge: Charge): CarriedCharge {
  return {
    id: charge.id.toString(),
    service: charge.service,
    item: charge.item,
    kind: charge.kind,
    windowStart: isoTime(charge.windowStartMs),
    windowEnd: isoTime(charge.windowEndMs),
    version: charge.version,
    status: charge.version === 1 ? 'rated' : 'rerated',
    plan: charge.plan,
    planVersion: charge.planVersion,
    currency: charge.currency,
    quantity: charge.quantity,
    unit: charge.unit,
    amount: charge.amount,
    usageRecords: charge.usageRecords,
  };
}
