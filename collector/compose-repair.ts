// Putting it right put together: runbooks, what is known around an alarm, who diagnoses and who acts, and the routes.
import { randomUUID } from 'node:crypto';
import { Leases } from '../common/database/lease.ts';
import type { DescribedRoutes } from '../common/http/described-routes.ts';
import type { Component } from '../common/runtime/component.ts';
import type { Viewpoints } from './access/viewpoint.ts';
import { composeCauseSilence } from './compose-cause.ts';
import { composeLibrary } from './compose-library.ts';
import type { ComposedMaintenance } from './compose-maintenance.ts';
import type { Alarms } from './faults/alarm.ts';
import type { Correlator } from './faults/cause/correlator.ts';
import { Shelved } from './maintenance/shelved.ts';
import type { Common } from './parts.ts';
import { DiagnosisBook } from './repair/diagnosis-book.ts';
import { addDiagnosisRoutes } from './repair/diagnosis-routes.ts';
import { DiagnosisRunner } from './repair/diagnosis-runner.ts';
import { DiagnosisSteps } from './repair/diagnosis-steps.ts';
import { Facts } from './repair/facts.ts';
import { RepairLoop } from './repair/repair-loop.ts';
import { forgetRuns } from './repair/run-store.ts';

export interface ComposedRepair {
  readonly loop: Component;
  readonly addRoutes: (routes: DescribedRoutes, viewpoints: Viewpoints, alarms: Alarms) => void;
}

/** Throws where a file of runbooks is wrong, with the place in it. */
export function composeRepair(
  common: Common,
  { maintenance }: Pick<ComposedMaintenance, 'maintenance'>,
  { tagsOf, correlator }: { readonly tagsOf: (device: string) => readonly string[]; readonly correlator: Correlator },
): ComposedRepair {
  const { reporter, config, deps, database, devices, work, hub } = common;
  const { clock } = deps;
  const { repair } = config;
  const library = composeLibrary(repair);
  const facts = new Facts({
    database,
    deviceOf: (name) => {
      const device = devices.get(name);
      return device === undefined ? null : { agent: device.agent, site: device.site, tags: tagsOf(name) };
    },
    graph: () => correlator.graph(),
  });
  const runner = new DiagnosisRunner(reporter, repair, {
    database,
    clock,
    work,
    library,
    facts,
    steps: new DiagnosisSteps(facts),
    silences: [new Shelved(), maintenance, composeCauseSilence(common)],
  });
  const loop = new RepairLoop(reporter, {
    clock,
    leases: new Leases(database),
    holder: randomUUID(),
    works: { diagnoses: () => runner.goOn() },
    rareWorks: { begin: () => runner.beginDue() },
    forget: () => forgetRuns(database, clock.now() - repair.keptMs),
  });
  // A result of work is among the events of a batch.
  hub.listen((kind) => {
    if (kind === 'event') loop.wake();
  });
  const diagnoses = new DiagnosisBook({
    database,
    clock,
    library,
    facts,
    limits: repair.limits,
    wake: () => loop.wake(),
  });
  return {
    loop,
    addRoutes: (routes, viewpoints, alarms) => addDiagnosisRoutes(routes, { viewpoints, alarms, diagnoses, library }),
  };
}
