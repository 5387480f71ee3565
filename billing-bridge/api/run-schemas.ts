// The forms of answers about bill runs.
import { z } from 'zod';
import { gateForm, integer, money, time } from './schemas.ts';

export const billRunForm = z.object({
  period: z.string(),
  interim: z.boolean(),
  accounts: z.array(
    z.object({
      account: z.string(),
      outcome: z.enum(['made', 'closed', 'held', 'nothing']),
      bill: z.string().nullable(),
      total: money.nullable(),
      currency: z.string(),
      gates: z.array(gateForm),
    }),
  ),
});

export const billRunEntryForm = billRunForm.extend({
  id: integer,
  account: z.string().nullable(),
  accepted: z.array(z.string()),
  by: z.string(),
  at: time,
});
