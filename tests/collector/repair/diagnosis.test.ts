// Diagnoses over a whole collector: begun by themselves for causes alone, gone on with over a restart, bounded, and read by each viewpoint as far as it sees.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HandedOut } from '../../../collector/agents/work-item.ts';
import type { DiagnosisAnswer } from '../../../collector/repair/diagnosis-book.ts';
import type { Column } from '../../../common/model/poll.ts';
import { AnsweringAgent, type WorkAnswer } from '../../support/answering-agent.ts';
import { type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';

const MINUTE = 60_000;
const T0 = Math.floor(Date.now() / MINUTE) * MINUTE - 15 * MINUTE;
/** A device that turns terminals and pages around. */
const HOSTILE = '\u001b[2J\u202Eevil<script>\u0000alert(1)</script>';

let folder: string;
let fixture: CollectorFixture;
let agent: AnsweringAgent;
let remove: () => Promise<void>;
let operator: string;

function answerOf({ kind, device, oids }: HandedOut): WorkAnswer {
  switch (kind) {
    case 'poll':
      return device === 'access1'
        ? {
            outcome: 'complete',
            requests: '3',
            retries: '0',
            durationMs: '7',
            'tables.0': `interface: 1 rows ${HOSTILE}`,
          }
        : { failure: 'snmp_timeout' };
    case 'ping':
      return { host: '192.0.2.1', sent: '5', received: '4', 'roundTripMs.mean': '1.5' };
    case 'traceroute':
      return {
        tool: 'traceroute',
        reached: 'false',
        'hops.0': `1: 10.0.0.1 0.4 ms${HOSTILE}`,
        'hops.10': '11: *',
        'hops.2': '3: *',
      };
    case 'read':
      return { [`value.${oids[0] ?? ''}`]: '2', [`value.${(oids[1] ?? '').slice(0, -1)}7`]: '5' };
    case 'diagnose':
    case 'set':
    case 'probe':
    case 'rehearse':
    case 'sequence':
      return null;
  }
}

const RUNBOOKS = `
runbooks:
  - name: brief
    title: In short
    for: { alarm_types: [interface-down] }
    steps: [{ do: poll, timeout_seconds: 20 }, { do: changes }]
  - name: port
    title: Why a port is down
    for: { alarm_types: [interface-down] }
    hold_seconds: 0
    steps:
      - { do: poll, timeout_seconds: 20 }
      - { do: ping }
      - { do: traceroute }
      - do: read
        values:
          ifOperStatus: { oid: '1.3.6.1.2.1.2.2.1.8.{ifIndex}', words: { 2: down } }
          cause: { oid: '1.3.6.1.4.1.9.9.548.1.3.1.1.2.{ifIndex}.*', words: { 5: dtpFlap } }
      - { do: read, profiles: [juniper], values: { a: '1.3.6.1.4.1.2636.1.{ifIndex}' } }
      - { do: read, values: { b: '1.3.6.1.4.1.2636.2.{part}' } }
      - { do: neighbour }
      - { do: changes, hours: 2 }
    actions: [port-bounce]
`;

const lldp = (atMs: number, rows: readonly (readonly string[])[]) => {
  const column = (name: string, at: number): Column => ({
    kind: 'text',
    name,
    values: rows.map((row) => row[at] ?? null),
  });
  return tableAt(
    { atMs },
    'neighbour',
    rows.map((_, at) => `lldp.${at}`),
    [column('localInterface', 0), column('remoteDevice', 1), column('remotePort', 2), column('protocol', 3)],
  );
};

/** access1, of another site, hangs on dist1, where the agent is; both ends of the link are down from the third minute on. */
function pollsOf(minute: number): ReturnType<typeof interfacePoll>[] {
  const atMs = T0 + minute * MINUTE;
  const oper = minute > 2 ? 2 : 1;
  const port = (key: string) => ({ key, inOctets: BigInt(minute) * 6000n, speedBps: 1e9, oper });
  const tables = (rows: readonly (readonly string[])[]) => (oper === 1 ? [lldp(atMs, rows)] : []);
  return [
    interfacePoll({
      device: 'access1',
      atMs,
      interfaces: [port('up1')],
      tables: tables([['up1', 'dist1', 'down1', 'lldp']]),
    }),
    interfacePoll({
      device: 'dist1',
      atMs,
      interfaces: [port('down1')],
      tables: tables([['down1', 'access1', 'up1', 'lldp']]),
    }),
    interfacePoll({ device: 'quiet1', atMs, interfaces: [port('eth0')] }),
  ];
}

const alarmOf = async (device: string): Promise<string> => {
  const { items } = await fixture.get<{ items: { id: string; device: string; alarmType: string }[] }>('/api/v1/alarms');
  return items.find((one) => one.device === device && one.alarmType === 'interface-down')?.id ?? '';
};
const diagnosesOf = async (id: string, token?: string): Promise<readonly DiagnosisAnswer[]> =>
  (await fixture.get<{ items: DiagnosisAnswer[] }>(`/api/v1/alarms/${id}/diagnosis`, token)).items;
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const stepsOf = (run: DiagnosisAnswer | undefined): string[] =>
  (run?.steps ?? []).map(({ kind, state, summary }) => `${kind} ${state}: ${summary}`);

async function diagnosed(id: string, number = 1): Promise<DiagnosisAnswer | undefined> {
  await eventually(async () => {
    await agent.turn();
    const runs = await diagnosesOf(id);
    return runs.length >= number && runs.every(({ state }) => state !== 'running');
  }, `a diagnosis of alarm ${id}`);
  return (await diagnosesOf(id))[0];
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-runbooks-'));
  writeFileSync(path.join(folder, 'own.yaml'), RUNBOOKS);
  ({ fixture, remove } = await startCollectorFixture({
    collector: { repair: { runbooks: folder }, faults: { cause: { attached: { 'agent-1': ['dist1'] } } } },
    devices: [
      { name: 'access1', site: 'south', address: '192.0.2.1' },
      { name: 'dist1', site: 'north', address: '192.0.2.2' },
      { name: 'quiet1', site: 'north', address: '192.0.2.3' },
    ],
  }));
  operator = await fixture.token('olga', 'operator');
  agent = new AnsweringAgent(fixture, 0, answerOf);
  const window = {
    devices: ['quiet1'],
    from: new Date(T0).toISOString(),
    to: new Date(T0 + 300 * MINUTE).toISOString(),
    reason: 'rebuilt',
  };
  expect((await fixture.post('/api/v1/maintenance-windows', window)).status).toBe(200);
  await agent.polls([0, 1].flatMap(pollsOf));
  // Links are read now and then: a collector that starts reads them at once.
  await fixture.restart();
  await agent.polls([2, 3, 4, 5, 6, 7].flatMap(pollsOf));
  await eventually(async () => (await alarmOf('quiet1')) !== '' && (await alarmOf('access1')) !== '', 'ports are down');
}, 60_000);
afterAll(async () => {
  await remove();
  rmSync(folder, { recursive: true, force: true });
});

test('an alarm that has held is diagnosed by itself, and what was found stands at it', async () => {
  const id = await alarmOf('dist1');
  const run = await diagnosed(id);
  expect(run).toMatchObject({ runbook: 'port', trigger: 'raised', askedBy: 'weir', state: 'done' });
  expect(stepsOf(run)).toEqual([
    'poll failed: snmp_timeout: as the test says',
    'ping done: 4 of 5 packets to 192.0.2.1 came back, 1.5 ms on average',
    'traceroute done: not reached after 3 hops, by traceroute',
    'read done: ifOperStatus down (2), cause.7 dtpFlap (5)',
    'read skipped: for devices of the profiles juniper',
    'read skipped: not known of dist1/down1: part',
    'neighbour done: 1 at the other end, 0 of them without an answer',
    expect.stringMatching(/^changes done: \d+ changes and \d+ other alarms in 2 hours$/),
  ]);
  expect(run?.steps[2]?.entries.map(({ value }) => value)).toEqual([
    expect.stringMatching(/^1: 10\.0\.0\.1 0\.4 ms/),
    '3: *',
    '11: *',
  ]);
  expect(run?.steps[6]?.entries).toEqual([
    { about: 'access1/up1', name: 'access1', value: 'polled now: complete' },
    { about: 'access1/up1', name: 'access1/up1', value: matching(/^admin up, oper down at 20/) },
    { about: 'access1/up1', name: 'access1/up1', value: 'says that its neighbour is dist1 down1 lldp' },
  ]);
  expect(run?.steps[7]?.entries.map(({ value }) => value).join('\n')).toContain('access1/up1 ');
});

test('what a device says is plain words, however it says them', async () => {
  const [run] = await diagnosesOf(await alarmOf('dist1'));
  const { items } = await fixture.get<{ items: { kind: string; device: string }[] }>('/api/v1/work?device=access1');
  expect(items.map(({ kind }) => kind)).toContain('poll');
  const text = JSON.stringify(run);
  expect(text).toContain('evil<script>alert(1)</script>');
  expect(text).not.toMatch(/\\u001b|\\u202e|\\u0000/i);
});

test('a viewpoint reads what it sees: nothing of a neighbour of another site, nothing of an alarm that it does not see', async () => {
  const made = await fixture.post('/api/v1/tokens', {
    name: 'north-noc',
    role: 'operator',
    scope: { sites: ['north'] },
  });
  const { token } = made.body as { token: string };
  const [run] = await diagnosesOf(await alarmOf('dist1'), token);
  expect(JSON.stringify(run)).not.toContain('access1');
  expect(run?.steps[6]).toMatchObject({ entries: [], leftOut: 3 });
  const foreign = await alarmOf('access1');
  expect((await fixture.ask(`/api/v1/alarms/${foreign}/diagnosis`, { token })).status).toBe(404);
  expect((await fixture.post(`/api/v1/alarms/${foreign}/diagnosis`, {}, token)).status).toBe(404);
});

test('what is in maintenance, or a symptom of something else, is not diagnosed by itself', async () => {
  expect(await diagnosesOf(await alarmOf('quiet1'))).toEqual([]);
  expect(await diagnosesOf(await alarmOf('access1'))).toEqual([]);
});

test('on request again, by a runbook that fits, over a collector that dies in between, asking the agent for nothing twice', async () => {
  const id = await alarmOf('dist1');
  const place = `/api/v1/alarms/${id}/diagnosis`;
  expect((await fixture.post(place, { runbook: 'device-unreachable' }, operator)).body).toMatchObject({
    error: { code: 'not_found' },
  });
  const before = agent.done.length;
  const asked = await fixture.post(place, { runbook: 'brief' }, operator);
  expect(asked).toMatchObject({
    status: 200,
    body: { trigger: 'operator', askedBy: 'olga', state: 'running', steps: [] },
  });
  await eventually(async () => (await diagnosesOf(id))[0]?.steps.length === 1, 'the first step is asked');
  await fixture.restart();
  const run = await diagnosed(id, 2);
  expect(stepsOf(run)).toHaveLength(2);
  const given = agent.done.slice(before).map((one) => one.id);
  expect(new Set(given).size).toBe(given.length);
  const audit = await fixture.get<{ items: { action: string; actor: string }[] }>(`/api/v1/audit?subject=alarm/${id}`);
  expect(audit.items[0]).toMatchObject({ actor: 'olga', action: 'alarm.diagnose' });
});

test('a step whose agent says nothing ends by its time, and the rest goes on', async () => {
  const { answer } = agent;
  agent.answer = (item) => (item.kind === 'poll' && item.device === 'dist1' ? null : answer(item));
  const id = await alarmOf('dist1');
  await fixture.post(`/api/v1/alarms/${id}/diagnosis`, { runbook: 'brief' }, operator);
  await eventually(async () => (await diagnosesOf(id))[0]?.steps.length === 1, 'the first step is asked');
  // Its time is over, as the database has it.
  await fixture.database.database.query(
    "update agents.work set expires_at_ms = 1 where state in ('queued', 'handed_out')",
  );
  const run = await diagnosed(id, 3);
  expect(stepsOf(run)[0]).toBe('poll timed_out: the agent did not come for it, or gave no result, in time');
  expect(stepsOf(run)).toHaveLength(2);
  agent.answer = answer;
});

test('alarms without a device are diagnosed by what the collector knows of its own chain', async () => {
  const { database } = fixture.database;
  const atMs = Date.now() - 20_000;
  const { rows } = await database.query<{ journal: string }>(
    'select distinct journal from readings.projection_position',
  );
  const journal = rows[0]?.journal ?? '';
  const found: Record<string, string[]> = {};
  for (const [alarmType, resource] of [
    ['agent-silent', 'agent:agent-1'],
    ['site-unreachable', 'site:south'],
    ['journal-lag', `collector:${journal}`],
    ['external', 'somewhere'],
  ] as const) {
    const { rows: made } = await database.query<{ id: bigint }>(
      `insert into faults.alarm (resource, alarm_type, qualifier, severity, is_cleared, text, created_at_ms, raised_at_ms, changed_at_ms)
       values ($1, $2, '', 'major', false, 'as the test says', $3, $3, $3) returning id`,
      [resource, alarmType, atMs],
    );
    const id = String(made[0]?.id);
    const place = `/api/v1/alarms/${id}/diagnosis`;
    if (alarmType === 'external') expect(await fixture.get(place)).toMatchObject({ items: [], none: 'no_runbook' });
    else {
      await fixture.post(place, {}, operator);
      found[alarmType] = stepsOf(await diagnosed(id));
    }
  }
  const contact = 'last batch \\d+ s ago, at \\S+: sequence \\d+, clock off by -?\\d+ ms';
  const agents = matching(new RegExp(`^agents done: agent-1: ${contact}; 3 devices, 0 of them without an answer$`));
  const changes = matching(/^changes done: \d+ changes and \d+ other alarms in 24 hours$/);
  const neighbour = 'neighbour done: 1 at the other end, 0 of them without an answer';
  expect(found).toEqual({
    'agent-silent': [agents, neighbour, changes],
    'site-unreachable': [agents, neighbour, changes],
    'journal-lag': [matching(/^projections done: .*faults at entry \d+/), agents],
  });
  // Why there is none is told too: this one is in a window.
  expect(await fixture.get(`/api/v1/alarms/${await alarmOf('quiet1')}/diagnosis`)).toMatchObject({ none: 'silent' });
});

test('what there is of runbooks and actions is told', async () => {
  const answer = await fixture.get<{ runbooks: { name: string }[]; actions: { name: string }[] }>('/api/v1/runbooks');
  expect(answer.runbooks.map(({ name }) => name)).toEqual(expect.arrayContaining(['port', 'device-unreachable']));
  expect(answer.actions.map(({ name }) => name)).toContain('port-bounce');
});
