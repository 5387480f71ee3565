// What a mail says of a threshold that a quota reached. Pure.
import { z } from 'zod';
import type { QuotaThreshold } from './quota-watch.ts';

const thresholdSchema = z.object({
  schema: z.literal('weir.quota-threshold'),
  version: z.literal(1),
  quota: z.string(),
  service: z.string(),
  account: z.string(),
  period: z.string(),
  share: z.number(),
  limitOctets: z.string().regex(/^\d+$/),
  usedOctets: z.string().regex(/^\d+$/),
  reachedAt: z.string(),
});

/** As it was written down. */
export function readThreshold(content: unknown): QuotaThreshold {
  return thresholdSchema.parse(content);
}

export function quotaMessage(threshold: QuotaThreshold): { readonly subject: string; readonly text: string } {
  const { quota, service, account, period, share, limitOctets, usedOctets, reachedAt } = threshold;
  const subject = `${service} has used ${share} % of ${quota} in ${period}`;
  const text = [
    `${subject}.`,
    '',
    `  Used:     ${octetsText(BigInt(usedOctets))}`,
    `  Quota:    ${octetsText(BigInt(limitOctets))}`,
    `  Customer: ${account}`,
    `  Seen:     ${reachedAt}`,
    '',
    'Nothing is stopped by it.',
    '',
  ].join('\n');
  return { subject, text };
}

const UNITS = ['octets', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** In the largest unit of 10^3 that it fills, cut to two places, with the octets beside it. */
function octetsText(octets: bigint): string {
  let [unit, size] = [0, 1n];
  while (octets >= size * 1000n && unit < UNITS.length - 1) [unit, size] = [unit + 1, size * 1000n];
  if (unit === 0) return `${octets} octets`;
  const hundredths = (octets * 100n) / size;
  return `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, '0')} ${UNITS[unit]} (${octets} octets)`;
}
