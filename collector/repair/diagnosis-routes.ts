// Diagnoses over HTTP: what was found out about an alarm, another diagnosis on request, and which runbooks and actions there are.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { Alarms } from '../faults/alarm.ts';
import { type DiagnosisBook, NO_DIAGNOSIS } from './diagnosis-book.ts';
import type { AlarmFacts } from './facts.ts';
import type { Library } from './runbook-library.ts';

export interface DiagnosisRoutesDeps {
  readonly viewpoints: Viewpoints;
  readonly alarms: Pick<Alarms, 'under'>;
  readonly diagnoses: Pick<DiagnosisBook, 'of' | 'run' | 'runbooksFor' | 'why'>;
  readonly library: Library;
}

const OPERATORS: readonly Role[] = ['operator'];
const byId = z.object({ id: z.string().regex(/^\d{1,18}$/, 'expected an id') });
const time = z.iso.datetime();

const diagnosisAnswer = z.object({
  id: z.string(),
  runbook: z.string(),
  title: z.string(),
  trigger: z.enum(['raised', 'operator']).describe('raised: by itself'),
  askedBy: z.string(),
  state: z.enum(['running', 'done', 'passed_over']),
  reason: z
    .string()
    .nullable()
    .describe('why it was passed over: no_runbook, device_unknown, device_limit, hour_limit, too_late'),
  raisedAt: time.describe('of which raising of the alarm it is'),
  createdAt: time,
  finishedAt: time.nullable(),
  steps: z.array(
    z.object({
      kind: z.string().describe('poll, ping, traceroute, neighbour, changes, read, agents, projections'),
      state: z.enum(['asked', 'done', 'failed', 'timed_out', 'skipped']),
      begunAt: time,
      finishedAt: time.nullable(),
      summary: z.string(),
      entries: z.array(z.object({ about: z.string(), name: z.string(), value: z.string() })),
      leftOut: z.number().int().describe('entries beyond the bound, or of what the asker does not see'),
    }),
  ),
});

const diagnosesAnswer = z.object({
  items: z.array(diagnosisAnswer),
  runbooks: z.array(z.object({ name: z.string(), title: z.string() })),
  none: z
    .enum(NO_DIAGNOSIS)
    .nullable()
    .describe(
      'why there is none: no_runbook, device_unknown, off, waiting, ended_early, silent; null where there is one',
    ),
});

const selectorAnswer = z.object({
  alarmTypes: z.array(z.string()),
  severity: z.string(),
  sites: z.array(z.string()),
  tags: z.array(z.string()),
  devices: z.array(z.string()),
  profiles: z.array(z.string()),
});

const libraryAnswer = z.object({
  runbooks: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      for: selectorAnswer,
      holdMs: z.number(),
      steps: z.array(z.string()),
      actions: z.array(z.string()),
    }),
  ),
  actions: z.array(
    z.object({ name: z.string(), title: z.string(), description: z.string(), for: selectorAnswer, target: z.string() }),
  ),
});

export function addDiagnosisRoutes(routes: DescribedRoutes, deps: DiagnosisRoutesDeps): void {
  const { viewpoints, alarms, diagnoses, library } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms/:id/diagnosis',
      access: READERS,
      scoped: true,
      summary: 'What runbooks found out about an alarm, the newest first, and which could run.',
      params: byId,
      answer: diagnosesAnswer,
    },
    async ({ params, principal }) => {
      const viewpoint = await viewpoints.of(principalOf(principal));
      const alarm = await alarms.under(viewpoint).get(params.id);
      const runbooks = await diagnoses.runbooksFor(factsOf(alarm));
      const items = await diagnoses.of(alarm.id, viewpoint);
      return {
        items,
        runbooks: runbooks.map(({ name, title }) => ({ name, title })),
        none: items.length === 0 ? diagnoses.why(factsOf(alarm), runbooks) : null,
      };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/alarms/:id/diagnosis',
      access: OPERATORS,
      scoped: true,
      summary: 'Has an alarm diagnosed now, by the runbook that is for it or by the one that is named.',
      params: byId,
      body: z.strictObject({ runbook: z.string().min(1).max(63).optional() }),
      answer: diagnosisAnswer,
    },
    async ({ params, body, principal }) => {
      const by = principalOf(principal);
      const alarm = await alarms.under(await viewpoints.of(by)).get(params.id);
      return diagnoses.run(factsOf(alarm), body.runbook ?? null, by);
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/runbooks',
      access: READERS,
      scoped: true,
      summary: 'Which runbooks and corrective actions there are, and what each is for.',
      answer: libraryAnswer,
    },
    async () => ({
      runbooks: [...library.runbooks.values()].map(({ name, title, selector, holdMs, steps, actions }) => ({
        name,
        title,
        for: selector,
        holdMs,
        steps: steps.map(({ kind }) => kind),
        actions,
      })),
      actions: [...library.recipes.values()].map(({ name, title, description, selector, target }) => ({
        name,
        title,
        description,
        for: selector,
        target,
      })),
    }),
  );
}

/** Of an alarm as the book of alarms gives it. */
export function factsOf(alarm: Awaited<ReturnType<Alarms['get']>>): AlarmFacts {
  const { id, resource, alarmType, severity, device, text, isCleared, raisedAt, clearedAt } = alarm;
  return {
    id,
    resource,
    alarmType,
    severity,
    device,
    text,
    isCleared,
    raisedAtMs: Date.parse(raisedAt),
    clearedAtMs: clearedAt === null ? null : Date.parse(clearedAt),
  };
}
