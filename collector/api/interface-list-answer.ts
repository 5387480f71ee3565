// What the API answers of interfaces across devices, as a schema.
import { z } from 'zod';

export const ASSIGNMENTS = ['billed', 'infrastructure', 'unassigned'] as const;
export type Assignment = (typeof ASSIGNMENTS)[number];

const text = z.string().nullable();
const number = z.number().nullable();
export const listedAnswer = z.object({
  id: z.number().int(),
  device: z.string(),
  site: text,
  key: z.string(),
  resource: z.string().describe('what series and alarms call it'),
  name: z.string(),
  alias: text,
  speedBps: text,
  adminStatus: text,
  operStatus: text,
  goneAt: z.iso.datetime().nullable(),
  inBps: number.describe('of the last quarter of an hour; null where it is older'),
  outBps: number,
  utilisation: number.describe('percent of the speed, of the busier way'),
  assignment: z.enum(ASSIGNMENTS),
  reason: text.describe('of infrastructure'),
  service: text.describe('that it is billed to; null for who reads no customers'),
  customer: text,
});
export type ListedInterfaceAnswer = z.output<typeof listedAnswer>;
