// Corrective actions over HTTP: which there are for an alarm, what became of those that were done, a dry run, and the approval.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import { principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { Alarms } from '../faults/alarm.ts';
import { ACTION_STATES } from './action-decisions.ts';
import type { ActionDesk, Available, DryRun } from './action-desk.ts';
import type { ActionPlan } from './action-plan.ts';
import type { ActionRow } from './action-store.ts';
import { factsOf } from './diagnosis-routes.ts';

export interface ActionRoutesDeps {
  readonly viewpoints: Viewpoints;
  readonly alarms: Pick<Alarms, 'under'>;
  readonly actions: Pick<ActionDesk, 'list' | 'available' | 'dryRun' | 'approve'>;
}

const OPERATORS: readonly Role[] = ['operator'];
const byId = z.object({ id: z.string().regex(/^\d{1,18}$/, 'expected an id') });
const time = z.iso.datetime();
const check = z.boolean().nullable().describe('null: not expected, or not known yet');

const setAnswer = z.object({
  oid: z.string(),
  type: z.string(),
  value: z.string(),
  present: z.string().nullable().describe('what the device has now, as far as its agent could read it'),
});

const dryRunAnswer = z.object({
  dryRun: z.literal(true),
  allowed: z.boolean(),
  reasons: z.array(z.string()).describe('why not; empty where it is allowed'),
  warnings: z.array(z.string()),
  target: z.string().nullable(),
  steps: z.array(z.object({ set: z.array(setAnswer), pauseMs: z.number() })),
  webhook: z.string().nullable(),
  expect: z.array(z.string()),
  restore: z.string().nullable().describe('before: where it is not verified, what was before is set again'),
  agent: z.object({ answered: z.boolean(), code: z.string().nullable(), message: z.string() }).nullable(),
});

const actionAnswer = z.object({
  id: z.string(),
  key: z.string(),
  action: z.string(),
  title: z.string(),
  target: z.string(),
  state: z.enum(ACTION_STATES),
  message: z.string(),
  policy: z.string().nullable().describe('by which policy it was done; null: by a person'),
  requestedBy: z.string(),
  reason: z.string(),
  objects: z.array(z.string()).describe('object identifiers that are set'),
  checks: z.object({ values: check, interfaceUp: check, alarmCleared: check }).nullable(),
  createdAt: time,
  effectAt: time.nullable().describe('when the agent had ended it'),
  finishedAt: time.nullable(),
});

const availableAnswer = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  target: z.enum(['interface', 'outlet', 'device', 'alarm']),
  targets: z
    .array(z.string())
    .describe('what it may be done to; of outlets any that there is, since nobody tells what hangs on them'),
});

const body = z.strictObject({
  action: z.string().min(1).max(63),
  target: z.string().min(1).max(1000).optional().describe('where there is more than one, and of outlets always'),
  dry_run: z.boolean().default(false).describe('sets nothing; says what would be set and whether it may be'),
  key: z
    .string()
    .regex(/^[A-Za-z0-9_-]{8,64}$/, 'expected 8 to 64 letters, digits, _ and -')
    .optional()
    .describe('made by the asker, needed to have it done: the same key is never done twice'),
  text: z.string().max(1000).default('').describe('why; needed to have it done'),
});

const toDo = body.extend({ key: body.shape.key.unwrap(), text: z.string().min(1).max(1000) });

export function addActionRoutes(routes: DescribedRoutes, { viewpoints, alarms, actions }: ActionRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms/:id/actions',
      access: READERS,
      scoped: true,
      summary: 'Corrective actions for an alarm: those there are, and what became of those that were done.',
      params: byId,
      answer: z.object({ items: z.array(actionAnswer), available: z.array(availableAnswer) }),
    },
    async ({ params, principal }) => {
      const viewpoint = await viewpoints.of(principalOf(principal));
      const alarm = factsOf(await alarms.under(viewpoint).get(params.id));
      const [rows, available] = [await actions.list(alarm.id, viewpoint), await actions.available(alarm, viewpoint)];
      return { items: rows.map(describe), available: available.map(describeAvailable) };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/alarms/:id/actions',
      access: OPERATORS,
      scoped: true,
      summary: 'A dry run of a corrective action, or the approval that has it done, once for its key.',
      params: byId,
      body,
      answer: z.union([dryRunAnswer, actionAnswer]),
    },
    async ({ params, body: asked, principal }) => {
      const by = principalOf(principal);
      const viewpoint = await viewpoints.of(by);
      const alarm = factsOf(await alarms.under(viewpoint).get(params.id));
      const request = { action: asked.action, target: asked.target ?? null };
      if (asked.dry_run) return describeDryRun(await actions.dryRun(alarm, request, viewpoint));
      const { key, text } = toDo.parse(asked);
      return describe(await actions.approve(alarm, { ...request, key, reason: text }, { by, viewpoint }));
    },
  );
}

function describe(row: ActionRow): z.input<typeof actionAnswer> {
  return {
    id: row.id.toString(),
    key: row.key,
    action: row.action,
    title: row.title,
    target: row.target,
    state: row.state,
    message: row.message,
    policy: row.policy,
    requestedBy: row.requested_by,
    reason: row.reason,
    objects: objectsOf(row.plan),
    checks: row.checks,
    createdAt: isoTime(Number(row.created_at_ms)),
    effectAt: row.effect_at_ms === null ? null : isoTime(Number(row.effect_at_ms)),
    finishedAt: row.finished_at_ms === null ? null : isoTime(Number(row.finished_at_ms)),
  };
}

function objectsOf(plan: ActionPlan | null): string[] {
  return [...new Set((plan?.steps ?? []).flatMap(({ varbinds }) => varbinds.map(({ oid }) => oid)))];
}

function describeAvailable({ recipe, targets }: Available): z.input<typeof availableAnswer> {
  const { name, title, description, target } = recipe;
  return { name, title, description, target, targets: [...targets] };
}

function describeDryRun({ allowed, reasons, warnings, plan, agent, present }: DryRun): z.input<typeof dryRunAnswer> {
  return {
    dryRun: true,
    allowed,
    reasons: [...reasons],
    warnings: [...warnings],
    target: plan?.target ?? null,
    steps: (plan?.steps ?? []).map(({ varbinds, pauseMs }) => ({
      set: varbinds.map((varbind) => ({ ...varbind, present: present.get(varbind.oid) ?? null })),
      pauseMs,
    })),
    webhook: plan?.webhook ?? null,
    expect: [...(plan?.expect ?? [])],
    restore: plan?.restore ?? null,
    agent,
  };
}
