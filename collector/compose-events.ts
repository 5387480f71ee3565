// The live events of a collector, and the hint that another collector on the same database has applied something.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../common/database/database.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { RepeatedWork } from '../common/runtime/repeated-work.ts';
import { EventHub, type EventHubConfig } from './api/event-hub.ts';
import { OtherCollectors } from './project/other-collectors.ts';

export interface ComposedEvents {
  readonly hub: EventHub;
  readonly watching: RepeatedWork;
}

const LOOK_EVERY_MS = 15_000;
const ID_LENGTH = 13;

export function composeEvents(
  reporter: Reporter,
  config: EventHubConfig,
  deps: { readonly clock: Clock; readonly database: Queryable; readonly journal: { readonly id: string } },
): ComposedEvents {
  const { clock, database, journal } = deps;
  const origin = { collector: journal.id.slice(0, ID_LENGTH), start: randomUUID().slice(0, ID_LENGTH) };
  const hub = new EventHub(reporter, config, { clock, origin });
  const others = new OtherCollectors(database, journal.id);
  const watching = new RepeatedWork(clock, LOOK_EVERY_MS, async () => {
    if (hub.open && (await others.haveMoved())) hub.resyncAll('other_collector');
  });
  return { hub, watching };
}
