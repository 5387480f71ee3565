// The northbound side of fault management put together: alarms as TMF642 has them, and the hub that tells others.
import { randomUUID } from 'node:crypto';
import { Leases } from '../common/database/lease.ts';
import type { DescribedRoutes } from '../common/http/described-routes.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import type { Viewpoints } from './access/viewpoint.ts';
import { AlarmEditor } from './faults/tmf642/alarm-editor.ts';
import { AlarmHub } from './faults/tmf642/alarm-hub.ts';
import { AlarmTasks } from './faults/tmf642/alarm-tasks.ts';
import { ListenerBook } from './faults/tmf642/listener-book.ts';
import { addListenerRoutes } from './faults/tmf642/listener-routes.ts';
import { addTmf642Routes } from './faults/tmf642/tmf642-routes.ts';
import type { Common } from './parts.ts';

type Grounds = Pick<Common, 'reporter' | 'config' | 'deps' | 'database' | 'hub'>;

export function composeAlarmHub({ reporter, config, deps, database }: Grounds): AlarmHub {
  const { clock, random, environment } = deps;
  const { signingSecret } = config.northbound;
  return new AlarmHub(reporter, config.northbound, {
    database,
    clock,
    random,
    fetch,
    listeners: listenersOf({ config, deps, database }),
    leases: new Leases(database),
    holder: randomUUID(),
    signingSecret: signingSecret === null ? null : resolveSecret(signingSecret, environment),
  });
}

export function addNorthboundRoutes(routes: DescribedRoutes, common: Grounds, viewpoints: Viewpoints): void {
  const { config, deps, database, hub } = common;
  const { clock } = deps;
  const listeners = listenersOf(common);
  const shared = {
    database,
    clock,
    newId: randomUUID,
    publish: hub.publish.bind(hub),
    historyEntries: config.faults.historyEntries,
  };
  const editor = new AlarmEditor(shared);
  const tasks = new AlarmTasks({ ...shared, editor });
  addTmf642Routes(routes, { database, clock, viewpoints, editor, tasks, listeners });
  addListenerRoutes(routes, listeners);
}

function listenersOf({ config, deps, database }: Pick<Grounds, 'config' | 'deps' | 'database'>): ListenerBook {
  return new ListenerBook({ database, clock: deps.clock, newId: randomUUID, allowed: config.northbound.listeners });
}
