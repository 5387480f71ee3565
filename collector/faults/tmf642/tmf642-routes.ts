// TMF642 Alarm Management v4 over HTTP: alarms, task resources and the hub, under both base paths that clients are made for.
import { z } from 'zod';
import type { DescribedRoutes, RouteInput, RouteSpec } from '../../../common/http/described-routes.ts';
import type { Database } from '../../../common/database/database.ts';
import { principalOf, type Principal, type Role, STATE_READERS } from '../../../common/runtime/access.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import type { WeirError } from '../../../common/runtime/errors.ts';
import type { Viewpoints } from '../../access/viewpoint.ts';
import type { AlarmEditor, Author } from './alarm-editor.ts';
import { type AlarmOrder, getAlarm, listAlarms } from './alarm-reader.ts';
import { type AlarmTasks, TASK_KINDS, TASKS, type TaskKind } from './alarm-tasks.ts';
import { FILTER_PATHS, fieldsOf, filterOf } from './filter.ts';
import type { ListenerBook } from './listener-book.ts';
import { alarmCreateSchema, alarmPatchSchema } from './tmf-body.ts';
import { chosen } from './tmf-alarm.ts';

export interface Tmf642Deps {
  readonly database: Database;
  readonly clock: Clock;
  readonly viewpoints: Viewpoints;
  readonly editor: AlarmEditor;
  readonly tasks: AlarmTasks;
  readonly listeners: ListenerBook;
}

/** Clients are made for the one or the other; links name the first. */
export const TMF642_BASES: readonly string[] = ['/tmf-api/alarmManagement/v4', '/tmf-api/alarm/v4'];

const OPERATORS: readonly Role[] = ['operator'];
const MOST_ITEMS = 1000;
const USUAL_ITEMS = 100;
const MAX_OFFSET = 10_000_000;

const ORDERS: Readonly<Record<string, AlarmOrder>> = {
  id: 'id',
  alarmRaisedTime: 'raised',
  '-alarmRaisedTime': '-raised',
  alarmChangedTime: 'changed',
  '-alarmChangedTime': '-changed',
};

const refusal = z.object({ code: z.string(), reason: z.string(), message: z.string(), status: z.string() });
const alarm = z.looseObject({ id: z.string(), href: z.string() });
const task = z.looseObject({ id: z.string(), href: z.string() });
const value = z.union([z.string().max(2000), z.array(z.string().max(2000)).max(100)]);
const byId = z.object({ id: z.string().max(100) });
const fields = z.string().max(2000).optional().describe('attributes with commas between: id, href and these alone');
const page = {
  fields,
  offset: z.coerce.number().int().min(0).max(MAX_OFFSET).default(0),
  limit: z.coerce.number().int().min(1).max(MOST_ITEMS).default(USUAL_ITEMS),
};
const listQuery = z
  .object({
    ...page,
    sort: z.enum(Object.keys(ORDERS)).default('id'),
    shelved: z.enum(['true', 'false', 'any']).default('false').describe('an extension: shelved alarms are hidden'),
  })
  .catchall(value)
  .describe(`and equality on ${FILTER_PATHS.join(', ')}`);

type Spec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = Omit<
  RouteSpec<P, Q, B>,
  'refusal' | 'refusalBody'
>;

class Tmf642 {
  readonly #routes: DescribedRoutes;
  readonly #deps: Tmf642Deps;

  constructor(routes: DescribedRoutes, deps: Tmf642Deps) {
    this.#routes = routes;
    this.#deps = deps;
  }

  async author(principal: Principal | null): Promise<Author> {
    const known = principalOf(principal);
    return { principal: known, viewpoint: await this.#deps.viewpoints.of(known) };
  }

  add<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
    spec: Spec<P, Q, B>,
    handler: (input: RouteInput<z.output<P>, z.output<Q>, z.output<B>>) => Promise<unknown>,
  ): void {
    for (const base of TMF642_BASES)
      this.#routes.add({ ...spec, url: `${base}${spec.url}`, refusal, refusalBody: tmfRefusal }, handler);
  }
}

export function addTmf642Routes(routes: DescribedRoutes, deps: Tmf642Deps): void {
  const tmf = new Tmf642(routes, deps);
  addAlarmReads(tmf, deps);
  addAlarmWrites(tmf, deps);
  for (const kind of TASK_KINDS) addTask(tmf, deps, kind);
  addHub(tmf, deps);
}

function addAlarmReads(tmf: Tmf642, { database, clock }: Tmf642Deps): void {
  tmf.add(
    {
      method: 'GET',
      url: '/alarm',
      access: STATE_READERS,
      scoped: true,
      summary: 'Alarms (TMF642 listAlarm): equality on every attribute; x-total-count says how many there are.',
      query: listQuery,
      answer: z.array(alarm.partial()),
    },
    async ({ query, principal, reply }) => {
      const { fields: wanted, offset, limit, sort, shelved, ...rest } = query;
      const names = fieldsOf(wanted);
      const filters = Object.entries(rest).map(([name, given]) => filterOf(name, given));
      const { viewpoint } = await tmf.author(principal);
      const order = ORDERS[sort] ?? 'id';
      const list = await listAlarms(database, viewpoint, { filters, shelved, order, offset, limit }, clock.now());
      void reply.headers({ 'x-total-count': list.total, 'x-result-count': list.alarms.length });
      return list.alarms.map((one) => chosen(one, names));
    },
  );
  tmf.add(
    {
      method: 'GET',
      url: '/alarm/:id',
      access: STATE_READERS,
      scoped: true,
      summary: 'One alarm (TMF642 retrieveAlarm), shelved or not.',
      params: byId,
      query: z.strictObject({ fields }),
      answer: alarm,
    },
    async ({ params, query, principal }) => {
      const names = fieldsOf(query.fields);
      const { viewpoint } = await tmf.author(principal);
      return chosen(await getAlarm(database, viewpoint, params.id), names);
    },
  );
}

function addAlarmWrites(tmf: Tmf642, { editor }: Tmf642Deps): void {
  tmf.add(
    {
      method: 'POST',
      url: '/alarm',
      access: OPERATORS,
      scoped: true,
      status: 201,
      summary: 'Enters an alarm of another system (TMF642 createAlarm), under the name it has there.',
      body: alarmCreateSchema,
      answer: alarm,
    },
    async ({ body, principal, reply }) => {
      const made = await editor.create(body, await tmf.author(principal));
      void reply.header('location', made.href);
      return made;
    },
  );
  tmf.add(
    {
      method: 'PATCH',
      url: '/alarm/:id',
      access: OPERATORS,
      scoped: true,
      summary: 'Changes an alarm by JSON merge (TMF642 patchAlarm); of one that polls found only what operators say.',
      params: byId,
      body: alarmPatchSchema,
      answer: alarm,
    },
    async ({ params, body, principal }) => editor.patch(params.id, body, await tmf.author(principal)),
  );
  tmf.add(
    {
      method: 'DELETE',
      url: '/alarm/:id',
      access: OPERATORS,
      scoped: true,
      status: 204,
      summary: 'Deletes an alarm that is cleared (TMF642 deleteAlarm).',
      params: byId,
      answer: z.undefined(),
    },
    async ({ params, principal }) => editor.delete(params.id, await tmf.author(principal)),
  );
}

function addTask(tmf: Tmf642, { tasks }: Tmf642Deps, kind: TaskKind): void {
  const { result, schema } = TASKS[kind];
  const known = ['id', 'href', '@type', 'state', result, ...Object.keys(schema.shape)];
  tmf.add(
    {
      method: 'POST',
      url: `/${kind}`,
      access: OPERATORS,
      scoped: true,
      status: 201,
      summary: `Does it at once, and says in ${result} which alarms really changed (TMF642 ${kind}).`,
      body: schema,
      answer: task,
    },
    async ({ body, principal, reply }) => {
      const made = await tasks.create(kind, body, await tmf.author(principal));
      void reply.header('location', String(made['href']));
      return made;
    },
  );
  tmf.add(
    {
      method: 'GET',
      url: `/${kind}`,
      access: STATE_READERS,
      scoped: true,
      summary: `Tasks of the kind ${kind}; to a token with a scope only its own.`,
      query: z.object(page).catchall(z.string().max(200)),
      answer: z.array(task.partial()),
    },
    async ({ query, principal, reply }) => {
      const { fields: wanted, offset, limit, ...filters } = query;
      const names = fieldsOf(wanted, known);
      fieldsOf(Object.keys(filters).join(','), known);
      const list = await tasks.list(kind, await tmf.author(principal), { filters, offset, limit });
      void reply.headers({ 'x-total-count': list.total, 'x-result-count': list.tasks.length });
      return list.tasks.map((one) => chosen(one, names));
    },
  );
  tmf.add(
    {
      method: 'GET',
      url: `/${kind}/:id`,
      access: STATE_READERS,
      scoped: true,
      summary: `One task of the kind ${kind}.`,
      params: byId,
      query: z.strictObject({ fields }),
      answer: task,
    },
    async ({ params, query, principal }) => {
      const names = fieldsOf(query.fields, known);
      return chosen(await tasks.get(kind, params.id, await tmf.author(principal)), names);
    },
  );
}

function addHub(tmf: Tmf642, { listeners }: Tmf642Deps): void {
  tmf.add(
    {
      method: 'POST',
      url: '/hub',
      access: OPERATORS,
      status: 201,
      summary:
        'Registers a listener (TMF642 registerListener) at one of the addresses that collector.northbound allows.',
      body: z.strictObject({
        callback: z.url({ protocol: /^https?$/ }).max(1000),
        query: z.string().max(2000).default(''),
      }),
      answer: z.object({ id: z.string(), callback: z.string(), query: z.string() }),
    },
    async ({ body, principal }) => listeners.add(body.callback, body.query, principalOf(principal)),
  );
  tmf.add(
    {
      method: 'DELETE',
      url: '/hub/:id',
      access: OPERATORS,
      status: 204,
      summary: 'A listener that is told no more (TMF642 unregisterListener).',
      params: byId,
      answer: z.undefined(),
    },
    async ({ params, principal }) => listeners.remove(params.id, principalOf(principal)),
  );
}

/** TMF630: the code of docs/errors.md, and what to do about it as the reason. */
export function tmfRefusal(error: WeirError): z.output<typeof refusal> {
  return { code: error.code, reason: error.remedy, message: error.message, status: String(error.status) };
}
