// The job that carries rated charges: its documented form, one account a job, bounded, and the same for the same charges.
import { describe, expect, test } from 'vitest';
import { type ChargeJobData, chargeJobs } from '../../../billing-bridge/queue/charge-job.ts';
import type { Charge } from '../../../billing-bridge/rate/charge-store.ts';

const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');

function charge(id: bigint, more: Partial<Charge> = {}): Charge {
  return {
    id,
    run: 7n,
    customer: 'acme',
    service: 's',
    item: 'traffic',
    itemName: 'Traffic',
    kind: 'per_unit',
    windowStartMs: NOVEMBER,
    windowEndMs: NOVEMBER + 3_600_000,
    version: 1,
    plan: 'p',
    planVersion: 2,
    currency: 'EUR',
    quantity: '18446744073709551616/3',
    unit: 'GB',
    amount: '0.07',
    usageRecords: 24,
    inputDigest: 'not carried',
    ratedAtMs: NOVEMBER + 3_700_000,
    working: { not: 'carried' },
    evidence: { not: 'carried' },
    ...more,
  };
}

const dataOf = (jobs: ReturnType<typeof chargeJobs>): ChargeJobData[] => jobs.map((job) => job.data as ChargeJobData);

describe('a job', () => {
  test('has the form that is documented, version 1', () => {
    expect(chargeJobs(7n, [charge(41n)])).toEqual([
      {
        id: 'charges-7-41-acme',
        name: 'rated-charges',
        data: {
          schema: 'weir.rated-charges',
          version: 1,
          run: '7',
          account: 'acme',
          ratedAt: '2026-11-01T01:01:40.000Z',
          charges: [
            {
              id: '41',
              service: 's',
              item: 'traffic',
              kind: 'per_unit',
              windowStart: '2026-11-01T00:00:00.000Z',
              windowEnd: '2026-11-01T01:00:00.000Z',
              version: 1,
              status: 'rated',
              plan: 'p',
              planVersion: 2,
              currency: 'EUR',
              quantity: '18446744073709551616/3',
              unit: 'GB',
              amount: '0.07',
              usageRecords: 24,
            },
          ],
        },
      },
    ]);
  });

  test('says that a later version is one', () => {
    const [data] = dataOf(chargeJobs(7n, [charge(41n, { version: 3 })]));
    expect(data?.charges[0]).toMatchObject({ version: 3, status: 'rerated' });
  });

  test('is of one account, and of at most 500 charges', () => {
    const charges = Array.from({ length: 1201 }, (_, at) => charge(BigInt(at), { customer: at % 2 === 0 ? 'a' : 'b' }));
    const jobs = chargeJobs(7n, charges);
    expect(dataOf(jobs).map((data) => [data.account, data.charges.length])).toEqual([
      ['a', 500],
      ['a', 101],
      ['b', 500],
      ['b', 100],
    ]);
    const carried = dataOf(jobs).flatMap((data) => data.charges.map((one) => one.id));
    expect(carried.toSorted((a, b) => Number(a) - Number(b))).toEqual(charges.map((one) => one.id.toString()));
    expect(new Set(jobs.map((job) => job.id)).size).toBe(jobs.length);
    // What BullMQ takes as an id: no colon, not digits alone.
    for (const job of jobs) expect(job.id).toMatch(/^charges-\d+-\d+-[\w.-]+$/);
  });

  test('is the same for the same charges', () => {
    const charges = [charge(1n), charge(2n, { customer: 'b' })];
    expect(chargeJobs(7n, charges)).toEqual(chargeJobs(7n, charges));
    expect(chargeJobs(7n, [])).toEqual([]);
  });
});
