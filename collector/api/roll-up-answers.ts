// What the API answers of the network and its sites rolled up, as schemas.
import { z } from 'zod';

const time = z.iso.datetime();
const count = z.number().int().nonnegative();
const bps = z.number().nullable().describe('bit/s; null where nothing is known');

const flow = {
  inBps: bps,
  outBps: bps,
  ports: count.describe('physical ports at the edge: those that lead to no other of these devices'),
  known: count.describe('of them those with a value of the last quarter of an hour'),
};
export const trafficAnswer = z.object({
  ...flow,
  cut: z.boolean().describe('true where there are more ports than are summed'),
  day: z.object({
    from: time,
    to: time,
    stepMs: count,
    points: z.array(z.object({ at: time, inBps: bps, outBps: bps, coverage: z.number() })),
  }),
});
export type TrafficAnswer = z.output<typeof trafficAnswer>;

export const siteAnswer = z.object({
  site: z.string().describe('empty for devices without one'),
  devices: z.object({ total: count, answering: count.describe('answered their last poll, which is no old one') }),
  alarms: z.record(z.string(), count).describe('raised and not shelved, by severity'),
  traffic: z.object(flow),
  services: count.nullable().describe('bound there now; null for who reads no customers'),
  running: z
    .array(z.object({ currency: z.string(), amount: z.string() }))
    .nullable()
    .describe('their charges of the running period; a service at two sites counts at both'),
});
export type SiteAnswer = z.output<typeof siteAnswer>;
