// What a plan would cost, with its working: for usage that is stated, or for a service's own; nothing is written.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { zoneKnown } from '../../common/model/period.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Ledger } from '../ledger.ts';
import type { Quote } from '../rate/quote.ts';
import { MONEY_READERS } from './access.ts';
import { describePeriod } from './forms.ts';
import { quoteForm } from './whole-schemas.ts';

const octets = z
  .string()
  .regex(/^\d{1,30}$/, 'expected whole octets as text')
  .default('0');
const rate = z
  .string()
  .regex(/^\d{1,30}(\.\d{1,12})?$/, 'expected bit/s as a decimal in text')
  .default('0');

const body = z.strictObject({
  plan: z
    .strictObject({ id: z.string().max(63), version: z.number().int().min(1).optional() })
    .optional()
    .describe('without a version the one that counts at the begin of the period'),
  terms: z
    .unknown()
    .optional()
    .describe('instead: a plan as the configuration states it, which nobody has agreed to yet'),
  service: z.string().max(63).optional().describe('whose usage is taken; the answer has its contract as it is beside'),
  period: z.string().max(20).optional().describe('2026-11 and the like; without it the running one'),
  zone: z
    .string()
    .max(60)
    .refine(zoneKnown, 'expected an IANA time zone')
    .default('UTC')
    .describe('where no service is given'),
  usage: z
    .strictObject({
      in_octets: octets,
      out_octets: octets,
      percentile_in_bps: rate,
      percentile_out_bps: rate,
      begins: z.boolean().default(false).describe('the service begins in the period: fees for that are charged'),
    })
    .optional()
    .describe('where no service is given; octets lie evenly over the period'),
});

export function addQuoteRoutes(
  routes: DescribedRoutes,
  deps: { readonly ledger: Ledger; readonly clock: Clock },
): void {
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/quotes',
      access: MONEY_READERS,
      summary:
        'What a plan would cost, with its working: for usage that is stated, or for that of a service. Writes nothing.',
      body,
      answer: quoteForm,
    },
    async ({ body: asked }) => {
      const { before, ...quote } = await deps.ledger.quote(asked, deps.clock.now());
      return { ...describe(quote), before: before === null ? null : describe(before) };
    },
  );
}

function describe({ period, ...rest }: Quote) {
  return { ...rest, period: describePeriod(period) };
}
