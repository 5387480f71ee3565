// Work as a collector gives it to this agent.
import { z } from 'zod';
import type { DurationMs } from '../../common/model/time.ts';

const MOST_EXPIRES_MS: DurationMs = 86_400_000;

/** Between two steps of a sequence; all pauses together stay below the patience of one piece of work. */
const MOST_PAUSE_MS: DurationMs = 60_000;

const varbinds = z
  .array(z.object({ oid: z.string().max(1000), type: z.string().max(20), value: z.string().max(1000) }))
  .max(32);

const itemSchema = z.object({
  id: z.string().min(1).max(64),
  kind: z.enum(['poll', 'diagnose', 'set', 'ping', 'traceroute', 'read', 'sequence', 'rehearse', 'probe']),
  device: z.string().min(1).max(63),
  varbinds: varbinds.default([]),
  /** Of a `read`: objects by their whole identifier, columns by theirs and `.*`. */
  oids: z.array(z.string().max(1000)).max(32).default([]),
  /** Of a `sequence`, and of its rehearsal: what is set one after the other. */
  steps: z
    .array(z.object({ varbinds, pauseMs: z.number().int().min(0).max(MOST_PAUSE_MS).default(0) }))
    .max(8)
    .default([]),
  /** Where a device that is not configured yet is asked, and by which credential set of this agent. */
  probe: z.object({ address: z.string().max(300), credential: z.string().max(63) }).optional(),
  expiresInMs: z.number().int().min(0).max(MOST_EXPIRES_MS),
});

/** Kinds that a newer collector knows come through the first schema and are refused one by one by the second. */
export const workAnswerSchema = z.object({ items: z.array(z.unknown()).max(1000) });

export type WorkItem = z.output<typeof itemSchema>;
export type ProbeTarget = NonNullable<WorkItem['probe']>;
export type SetVarbind = WorkItem['varbinds'][number];
export type SequenceStep = WorkItem['steps'][number];

/** Null where it is nothing that this agent can do. */
export function workItemOf(value: unknown): WorkItem | null {
  const parsed = itemSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
