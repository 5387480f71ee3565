// The projections of the journal: how far each is, and what a person does to them: pause, go on, go through entries again, try a batch again.
import { z } from 'zod';
import type { AuditEntry } from '../../common/database/audit.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type Principal, principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ProjectionRunner } from '../project/projection-runner.ts';
import type { SecondTry } from '../project/second-try.ts';
import { listOf } from './answers.ts';
import { idParameter } from './parameters.ts';

export interface ProjectionRoutesDeps {
  readonly clock: Clock;
  readonly projections: Pick<ProjectionRunner, 'states' | 'pause' | 'replay' | 'positionAt'>;
  readonly journal: { readonly id: string; firstPosition(): number; lastPosition(): number };
  readonly secondTry: Pick<SecondTry, 'run'>;
}

const ADMINISTRATORS: readonly Role[] = ['administrator'];
const byName = z.object({ name: z.string().max(40) });

const stateAnswer = z.object({
  name: z.string(),
  position: z.number().int().nullable(),
  lagEntries: z.number().int(),
  paused: z.boolean(),
  againThrough: z.number().int().nullable().describe('entries up to here are gone through again'),
  failures: z.number().int().describe('in a row'),
  lastFailure: z.string().nullable(),
  rate: z.number().describe('entries applied a second, over a minute'),
});

const listAnswer = listOf(stateAnswer).extend({
  journal: z.object({ id: z.string(), firstPosition: z.number().int(), lastPosition: z.number().int() }),
});

const replayBody = z.strictObject({
  from: z
    .union([z.literal('start'), z.number().int().min(1), z.iso.datetime({ offset: true })])
    .describe('a position, the time of arrival, or `start` for all that the journal has'),
});

export function addProjectionRoutes(routes: DescribedRoutes, deps: ProjectionRoutesDeps): void {
  const { projections, journal } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/projections',
      access: READERS,
      summary: 'How far readings, faults and store are in the journal of this collector.',
      answer: listAnswer,
    },
    async () => ({
      items: [...projections.states()],
      next: null,
      journal: { id: journal.id, firstPosition: journal.firstPosition(), lastPosition: journal.lastPosition() },
    }),
  );
  for (const [verb, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const)
    routes.add(
      {
        method: 'POST',
        url: `/api/v1/projections/:name/${verb}`,
        access: ADMINISTRATORS,
        summary: paused
          ? 'Stops a projection after the chunk in hand, also over a restart; the journal keeps what comes.'
          : 'Lets a paused projection go on.',
        params: byName,
        answer: z.object({ paused: z.boolean() }),
      },
      async ({ params, principal }) => {
        const audit = auditOf(deps, principal, `projection.${verb}`, `projection/${params.name}`);
        await projections.pause(params.name, paused, audit);
        return { paused };
      },
    );
  addReplay(routes, deps);
}

function addReplay(routes: DescribedRoutes, deps: ProjectionRoutesDeps): void {
  const { projections, journal } = deps;
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/projections/:name/replay',
      access: ADMINISTRATORS,
      summary:
        'Goes through the entries of the journal again; what is there already is replaced or left, never doubled.',
      params: byName,
      body: replayBody,
      answer: z.object({ from: z.number().int(), entries: z.number().int() }),
    },
    async ({ params, body, principal }) => {
      const from = positionOf(body.from, projections, journal.firstPosition());
      const audit = auditOf(deps, principal, 'projection.replay', `projection/${params.name}`);
      return { from, entries: await projections.replay(params.name, from, audit) };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/quarantine/:id/retry',
      access: ADMINISTRATORS,
      summary:
        'Puts a batch of the quarantine into the journal again; a projection that still fails on it sets it aside anew.',
      params: z.object({ id: idParameter }),
      answer: z.object({ position: z.number().int() }),
    },
    async ({ params, principal }) => {
      const audit = auditOf(deps, principal, 'quarantine.retry', `quarantine/${params.id}`);
      return { position: await deps.secondTry.run(params.id, audit) };
    },
  );
}

function positionOf(
  from: z.output<typeof replayBody>['from'],
  projections: ProjectionRoutesDeps['projections'],
  first: number,
): number {
  if (from === 'start') return first;
  if (typeof from === 'number') return from;
  const atMs: EpochMs = Date.parse(from);
  if (!Number.isSafeInteger(atMs)) throw new WeirError('invalid_request', 'from: expected a time.');
  return projections.positionAt(atMs);
}

function auditOf(
  { clock }: ProjectionRoutesDeps,
  principal: Principal | null,
  action: string,
  subject: string,
): AuditEntry {
  const { name: actor, role } = principalOf(principal);
  return { atMs: clock.now(), actor, role, action, subject };
}
