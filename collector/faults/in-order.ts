// Polls and notifications of a batch in the order of their times: what a device told between two polls is judged between them.
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Poll } from '../../common/model/poll.ts';
import { cleanKey } from '../../common/model/table-columns.ts';
import type { JournaledBatch } from '../project/projection.ts';

export type Happening =
  | { readonly device: string; readonly poll: Poll; readonly event?: undefined }
  | { readonly device: string; readonly poll?: undefined; readonly event: DeviceEvent };

export function inOrder(
  { batch }: Pick<JournaledBatch, 'batch'>,
  heeded: (event: DeviceEvent) => boolean,
): Happening[] {
  const polls: Happening[] = batch.polls.map((poll) => ({ device: poll.device, poll }));
  const told = batch.events.filter(heeded).toSorted((a, b) => a.observedAtMs - b.observedAtMs);
  if (told.length === 0) return polls;
  const waiting = new Map<string, DeviceEvent[]>();
  for (const event of told) {
    const device = cleanKey(event.device ?? '');
    const events = waiting.get(device);
    if (events === undefined) waiting.set(device, [event]);
    else events.push(event);
  }
  // Polls keep their own order; each event goes before the first poll of its device that ended later.
  const happenings: Happening[] = [];
  for (const one of polls) {
    const events = waiting.get(one.device) ?? [];
    while ((events[0]?.observedAtMs ?? Infinity) <= (one.poll?.finishedAtMs ?? 0)) {
      const event = events.shift();
      if (event !== undefined) happenings.push({ device: one.device, event });
    }
    happenings.push(one);
  }
  for (const [device, events] of waiting) for (const event of events) happenings.push({ device, event });
  return happenings;
}
