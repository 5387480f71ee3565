// Work for agents, which fetch it themselves: nobody connects to an agent. And the devices that each is to poll.
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { DescribedRoutes, RouteInput } from '../../common/http/described-routes.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { EVERYTHING, seesDevice, type Viewpoint } from '../../common/model/viewpoint.ts';
import { type Principal, principalOf, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { deviceSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { SetType, Work, WorkItem, WorkRequest, WorkState } from '../agents/work-item.ts';
import { agentConfigurationAnswer, handedOutAnswer, listOf, workAnswer } from './answers.ts';
import { collectorPage, deviceName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface WorkRoutesDeps extends SeenBy {
  readonly work: Work;
  readonly clock: Clock;
  readonly devices: Pick<ConfiguredDevices, 'of' | 'get' | 'changed'>;
}

const OPERATORS: readonly Role[] = ['operator'];
const AGENTS: readonly Role[] = ['agent'];
const MOST_WAIT_SECONDS = 25;
const MOST_VARBINDS = 32;
const STATES: Readonly<Record<WorkState, true>> = {
  queued: true,
  handed_out: true,
  done: true,
  failed: true,
  expired: true,
};
const SET_TYPES: Readonly<Record<SetType, true>> = {
  integer: true,
  gauge32: true,
  counter32: true,
  counter64: true,
  timeTicks: true,
  text: true,
  hex: true,
  oid: true,
  ipAddress: true,
};
const byName = z.object({ name: deviceName });
const waitQuery = z.strictObject({ wait: z.coerce.number().int().min(0).max(MOST_WAIT_SECONDS).default(0) });

const common = {
  device: deviceName,
  expires_ms: z.number().int().min(1000).max(3_600_000).default(60_000).describe('it is not begun later than this'),
};
const reason = z.string().max(1000);

const varbind = z.strictObject({
  oid: z.string().regex(/^\.?[0-2](\.\d{1,10}){1,127}$/, 'expected an object identifier such as 1.3.6.1.2.1.1.6.0'),
  type: z
    .enum(Object.keys(SET_TYPES) as SetType[])
    .describe('text and hex are both octets: as UTF-8, and as pairs of hexadecimal digits'),
  value: z
    .string()
    .max(1000)
    .refine((value) => value === cleanText(value), 'expected characters; octets that are none go as hex'),
});

const workBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('poll'), ...common, reason: reason.default('') }),
  z.strictObject({ kind: z.literal('diagnose'), ...common, reason: reason.default('') }),
  z.strictObject({ kind: z.literal('ping'), ...common, reason: reason.default('') }),
  z.strictObject({ kind: z.literal('traceroute'), ...common, reason: reason.default('') }),
  z.strictObject({
    kind: z.literal('probe'),
    ...common,
    reason: reason.default(''),
    address: deviceSchema.shape.address,
    credential: deviceName.describe('a credential set of the agent'),
  }),
  z.strictObject({
    kind: z.literal('set'),
    ...common,
    reason: reason.min(1).describe('why; kept with the work, and in the log'),
    varbinds: z.array(varbind).min(1).max(MOST_VARBINDS),
  }),
]);

export function addWorkRoutes(routes: DescribedRoutes, deps: WorkRoutesDeps): void {
  addAsking(routes, deps);
  addFetching(routes, deps);
}

/** For people. */
function addAsking(routes: DescribedRoutes, deps: WorkRoutesDeps): void {
  const { work, devices } = deps;
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/agents/:name/work',
      access: OPERATORS,
      scoped: true,
      summary:
        'Asks an agent to poll a device now, to find out what is wrong with it, to look at the way to it, to try one that is not configured yet, or (administrators) to set values.',
      params: byName,
      body: workBody,
      answer: workAnswer,
    },
    async ({ params, body, principal }) => {
      const by = principalOf(principal);
      if (body.kind === 'set' && by.role !== 'administrator')
        throw new WeirError('forbidden', `The role ${by.role} may not set values of devices.`, {
          needs: ['administrator'],
        });
      const viewpoint = await seenBy(deps, principal);
      if (body.kind === 'probe') refuseProbe(viewpoint);
      else {
        refuseUnseen(viewpoint, body.device);
        refuseUnassigned(devices, params.name, body.device);
      }
      return work.ask(params.name, requestOf(body), by);
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/agents/:name/work/:id',
      access: OPERATORS,
      scoped: true,
      summary: 'One piece of work: how far it is, and what the agent said of it.',
      params: z.object({ name: deviceName, id: z.string().min(1).max(64) }),
      answer: workAnswer,
    },
    async ({ params, principal }) =>
      shownTo(principal, await work.get(await seenBy(deps, principal), params.name, params.id)),
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/work',
      access: OPERATORS,
      scoped: true,
      summary: 'Work asked of agents, by whom and why; the newest first.',
      query: z.strictObject({
        agent: deviceName.optional(),
        device: deviceName.optional(),
        state: z.enum(Object.keys(STATES) as WorkState[]).optional(),
        ...collectorPage,
      }),
      answer: listOf(workAnswer),
    },
    async ({ query, principal }) => {
      const { items, next } = await work.list(await seenBy(deps, principal), query);
      return { items: items.map((item) => shownTo(principal, item)), next };
    },
  );
}

/** What was set may be a secret of the device: its value is for those who may set one. */
function shownTo(principal: Principal | null, item: WorkItem): ShownWork {
  if (principalOf(principal).role === 'administrator') return item;
  return { ...item, varbinds: item.varbinds.map(({ oid, type }) => ({ oid, type, value: null })) };
}

type ShownWork = Omit<WorkItem, 'varbinds'> & {
  readonly varbinds: readonly { readonly oid: string; readonly type: string; readonly value: string | null }[];
};

/** For agents. */
function addFetching(routes: DescribedRoutes, deps: WorkRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/agents/:name/work',
      access: AGENTS,
      summary:
        'What the agent is to do; waits up to `wait` seconds for it. Of the agent itself alone: what is given is taken.',
      params: byName,
      query: waitQuery,
      answer: z.object({ items: z.array(handedOutAnswer) }),
    },
    async ({ params, query, principal, reply }) => {
      const { name, role } = principalOf(principal);
      if (role !== 'agent' || name !== params.name) throw mismatch(name, params.name);
      return { items: await deps.work.take(params.name, query.wait * 1000, goneOf(reply)) };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/agents/:name/configuration',
      access: AGENTS,
      summary:
        'The devices that the agent is to poll, with a strong ETag; waits up to `wait` seconds for others than `if-none-match` says. Of the agent itself, or for an administrator.',
      params: byName,
      query: waitQuery,
      answer: agentConfigurationAnswer,
    },
    async (input) => answerConfiguration(input, deps),
  );
}

async function answerConfiguration(
  { params, query, principal, request, reply }: RouteInput<{ name: string }, { wait: number }, unknown>,
  { devices, clock }: WorkRoutesDeps,
): Promise<unknown> {
  const { name, role } = principalOf(principal);
  if (role !== 'administrator' && name !== params.name) throw mismatch(name, params.name);
  const held = (request.headers['if-none-match'] ?? '').split(',').map((one) => one.trim());
  const before = devices.of(params.name);
  if (held.includes(etagOf(before)) && query.wait > 0)
    await devices.changed(params.name, before.version, { clock, ms: query.wait * 1000, signal: goneOf(reply) });
  const answer = devices.of(params.name);
  void reply.header('etag', etagOf(answer));
  if (!held.includes(etagOf(answer))) return answer;
  await reply.code(304).send();
  return undefined;
}

function etagOf({ version }: { readonly version: string }): string {
  return `"${version}"`;
}

/** Aborts when whoever asked has gone, or was answered. */
function goneOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

function requestOf(body: z.output<typeof workBody>): WorkRequest {
  const { kind, device, reason: why, expires_ms: expiresMs } = body;
  const asked = { kind, device, reason: why, expiresMs, varbinds: body.kind === 'set' ? body.varbinds : [] };
  return body.kind === 'probe' ? { ...asked, probe: { address: body.address, credential: body.credential } } : asked;
}

/** Under a scope a device of another site is not there, whichever agent polls it. */
function refuseUnseen(viewpoint: Viewpoint, device: string): void {
  if (!seesDevice(viewpoint, device)) throw new WeirError('not_found', `There is no device ${device}.`, { device });
}

/** Any address can be named in a probe: whoever sees a part of the network may not look at the rest of it that way. */
function refuseProbe(viewpoint: Viewpoint): void {
  if (viewpoint === EVERYTHING) return;
  throw new WeirError('forbidden', 'Addresses that are not configured are tried by operators of the whole network.', {
    needs: ['no scope'],
  });
}

function refuseUnassigned(devices: WorkRoutesDeps['devices'], agent: string, device: string): void {
  if (devices.get(device)?.agent === agent) return;
  throw new WeirError('device_not_assigned', `The device ${device} is not assigned to the agent ${agent}.`, {
    agent,
    devices: [device],
  });
}

function mismatch(name: string, agent: string): WeirError {
  return new WeirError('agent_mismatch', `The token belongs to ${name}, not to the agent ${agent}.`, { agent });
}
