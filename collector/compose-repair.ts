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
import type { SilenceSource } from './faults/silence.ts';
import { Shelved } from './maintenance/shelved.ts';
import type { Common } from './parts.ts';
import { ActionDesk } from './repair/action-desk.ts';
import { ActionPlanner } from './repair/action-planner.ts';
import { addActionRoutes } from './repair/action-routes.ts';
import { ActionRunner } from './repair/action-runner.ts';
import { forgetActions } from './repair/action-store.ts';
import { DiagnosisBook } from './repair/diagnosis-book.ts';
import { addDiagnosisRoutes } from './repair/diagnosis-routes.ts';
import { DiagnosisRunner } from './repair/diagnosis-runner.ts';
import { DiagnosisSteps } from './repair/diagnosis-steps.ts';
import { Facts } from './repair/facts.ts';
import { PolicyRunner } from './repair/policy-runner.ts';
import { RepairLoop } from './repair/repair-loop.ts';
import { forgetRuns } from './repair/run-store.ts';
import type { Library } from './repair/runbook-library.ts';
import { WebhookSender, type WebhookSenderDeps } from './repair/webhook-sender.ts';
import { postJson } from '../common/send/post-json.ts';

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
  const { reporter, config, deps, database, devices, hub } = common;
  const { clock } = deps;
  const library = composeLibrary(config.repair);
  const facts = new Facts({
    database,
    deviceOf: (name) => {
      const device = devices.get(name);
      return device === undefined ? null : { agent: device.agent, site: device.site, tags: tagsOf(name) };
    },
    graph: () => correlator.graph(),
  });
  const silences = [new Shelved(), maintenance, composeCauseSilence(common)];
  const wake = (): void => loop.wake();
  const { runner, diagnoses } = composeDiagnoses(common, { library, facts, silences, wake });
  const { acting, policies, actions } = composeActions(common, { library, facts, silences, wake });
  const oldestMs = (): number => clock.now() - config.repair.keptMs;
  const loop: RepairLoop = new RepairLoop(reporter, {
    clock,
    leases: new Leases(database),
    holder: randomUUID(),
    works: { actions: () => acting.goOn(), diagnoses: () => runner.goOn() },
    rareWorks: { begin: () => runner.beginDue(), policies: () => policies.decideDue() },
    forget: async () => {
      await forgetRuns(database, oldestMs());
      await forgetActions(database, oldestMs());
    },
  });
  // A result of work is among the events of a batch.
  hub.listen((kind) => {
    if (kind === 'event') wake();
  });
  return {
    loop,
    addRoutes: (routes, viewpoints, alarms) => {
      addDiagnosisRoutes(routes, { viewpoints, alarms, diagnoses, library });
      addActionRoutes(routes, { viewpoints, alarms, actions });
    },
  };
}

interface RepairGrounds {
  readonly library: Library;
  readonly facts: Facts;
  readonly silences: readonly SilenceSource[];
  readonly wake: () => void;
}

function composeDiagnoses({ reporter, config, deps, database, work }: Common, grounds: RepairGrounds) {
  const { repair } = config;
  const base = { ...grounds, database, clock: deps.clock, work };
  return {
    runner: new DiagnosisRunner(reporter, repair, { ...base, steps: new DiagnosisSteps(grounds.facts) }),
    diagnoses: new DiagnosisBook({ ...base, limits: repair.limits, diagnose: repair.diagnose }),
  };
}

function composeActions({ reporter, config, deps, database, work }: Common, grounds: RepairGrounds) {
  const { repair } = config;
  const { clock, environment } = deps;
  const base = { ...grounds, database, clock, work, planner: new ActionPlanner(grounds.facts, repair) };
  const post: WebhookSenderDeps['post'] = (request, signal) => postJson(fetch, request, signal);
  const webhooks = new WebhookSender(repair.webhooks, { clock, environment, post });
  return {
    acting: new ActionRunner(reporter, { ...base, webhooks }),
    policies: new PolicyRunner(reporter, repair.policies, base),
    actions: new ActionDesk(reporter, { ...base, newId: randomUUID }),
  };
}
