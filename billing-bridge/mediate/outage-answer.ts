// What a collector answers of outages, checked whole: money rests on it.
import { z } from 'zod';
import type { OutageRecords } from '../rate/outage-source.ts';

const time = z.iso.datetime();
const text = z.string().min(1).max(2000);
const answer = z.object({
  knownUntil: time.nullable(),
  downs: z
    .array(z.object({ alarm: text, alarmType: text, resource: text, from: time, to: time.nullable() }))
    .max(100_000),
  maintenance: z
    .array(z.object({ window: text, from: time, to: time, announcedAt: time, reason: z.string().max(2000) }))
    .max(100_000),
});
type OutageAnswer = z.output<typeof answer>;

export function isOutageAnswer(body: unknown): body is OutageAnswer {
  return answer.safeParse(body).success;
}

export function outageRecordsOf({ knownUntil, downs, maintenance }: OutageAnswer): OutageRecords {
  return {
    knownUntilMs: knownUntil === null ? null : Date.parse(knownUntil),
    downs: downs.map(({ from, to, ...down }) => ({
      ...down,
      fromMs: Date.parse(from),
      toMs: to === null ? null : Date.parse(to),
    })),
    windows: maintenance.map(({ from, to, announcedAt, ...window }) => ({
      ...window,
      fromMs: Date.parse(from),
      toMs: Date.parse(to),
      announcedAtMs: Date.parse(announcedAt),
    })),
  };
}
