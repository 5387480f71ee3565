// Two spools under one agent name: an agent that was made anew and what its old spool still holds, and two agents that run beside each other.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KeptEvent } from '../../../collector/agents/device-event.ts';
import type { AlarmAnswer } from '../../../collector/api/alarm-answers.ts';
import type { AgentAnswer } from '../../../collector/api/answers.ts';
import type { ReadingsAnswer } from '../../../common/wire/reading-page.ts';
import { unpackValues } from '../../../common/wire/reading-page.ts';
import { AGENT, type CollectorFixture, eventually, startCollectorFixture } from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { type ShippingAgent, startShippingAgent } from '../../support/shipping-agent.ts';

interface List<T> {
  readonly items: readonly T[];
}

let fixture: CollectorFixture;
let remove: () => Promise<void>;
let folder: string;
const agents: ShippingAgent[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-two-agents-'));
  ({ fixture, remove } = await startCollectorFixture());
});
afterAll(async () => {
  for (const agent of agents) await agent.stop();
  await remove();
  rmSync(folder, { recursive: true, force: true });
});

async function agentWith(spool: string): Promise<ShippingAgent> {
  const agent = await startShippingAgent({ url: fixture.url, token: AGENT, folder: path.join(folder, spool) });
  agents.push(agent);
  return agent;
}

function pollOf(octets: bigint) {
  return interfacePoll({
    device: 'core1',
    atMs: Date.now(),
    interfaces: [{ key: 'xe-0', inOctets: octets, outOctets: octets }],
  });
}

async function octets(): Promise<bigint[]> {
  const { items, layouts } = await fixture.get<ReadingsAnswer>('/api/v1/readings?limit=1000');
  const found = items.map((page) => {
    const rows = layouts.find(({ id }) => id === page.layout)?.rows.length ?? 0;
    return unpackValues(page.values, page.present, rows * 3)[0] ?? -1n;
  });
  return found.toSorted((a, b) => Number(a - b));
}

const seen = (): Promise<AgentAnswer> => fixture.get<AgentAnswer>('/api/v1/agents/agent-1');
const signs = async (): Promise<readonly KeptEvent[]> =>
  (await fixture.get<List<KeptEvent>>('/api/v1/device-events?name=agent_superseded&limit=100')).items;
const isEmpty = ({ spool }: ShippingAgent): boolean => spool.firstSequence > spool.lastSequence;

test('an agent made anew: what the old spool had gathered before comes later and counts, what it gathers since is refused', async () => {
  const first = await agentWith('old');
  await first.keep(pollOf(1n));
  await first.ship();
  await expect.poll(() => isEmpty(first), { timeout: 20_000 }).toBe(true);
  await first.stop();
  agents.pop();
  const old = await agentWith('old');
  await old.keep(pollOf(2n));
  const anew = await agentWith('anew');
  await anew.keep(pollOf(3n));
  await anew.ship();
  await expect.poll(() => isEmpty(anew), { timeout: 20_000 }).toBe(true);
  expect((await seen()).superseded).toBeNull();

  await old.ship();
  await expect.poll(() => isEmpty(old), { timeout: 20_000 }).toBe(true);
  expect(await octets()).toEqual([1n, 2n, 3n]);
  // What is told of the agent is of the spool that it has now; nobody was refused.
  expect(await seen()).toMatchObject({ incarnation: anew.spool.incarnation, superseded: null });
  expect(await signs()).toEqual([]);

  await old.keep(pollOf(4n));
  await expect.poll(() => old.message(), { timeout: 20_000 }).toMatch(/^agent_superseded/);
  await anew.keep(pollOf(5n));
  await expect.poll(() => isEmpty(anew), { timeout: 20_000 }).toBe(true);
  expect(isEmpty(old)).toBe(false);
  expect(await octets()).toEqual([1n, 2n, 3n, 5n]);
});

test('two agents beside each other: counted, told once as an event, shown with the agent, also after a restart; no alarm', async () => {
  const incarnation = agents[0]?.spool.incarnation ?? '';
  const refused = { incarnation, refusedAt: expect.any(String) as string };
  expect((await seen()).superseded).toEqual(refused);
  await eventually(async () => (await signs()).length > 0, 'the event');
  for (const sequence of [90, 91]) {
    const words = { sequence, incarnation, polls: [pollOf(9n)] };
    expect(await fixture.send(words)).toMatchObject({ status: 409, body: { error: { code: 'agent_superseded' } } });
  }
  expect(await fixture.metric('weir_ingest_superseded_total{agent="agent-1"}')).toBeGreaterThanOrEqual(3);
  for (const agent of agents) await agent.stop();

  await fixture.restart();
  const words = { incarnation, polls: [pollOf(9n)] };
  // By the database, before anybody is refused again.
  expect((await seen()).superseded).toEqual(refused);
  await fixture.send({ ...words, sequence: 92 });
  const [first] = (await signs()).map(({ id }) => id);
  // A third spool is another switch, and then another sign.
  expect((await fixture.send({ sequence: 1, incarnation: 'third-spool', polls: [pollOf(10n)] })).status).toBe(200);
  expect((await fixture.send({ ...words, sequence: 93 })).status).toBe(409);
  await eventually(async () => (await signs()).length > 1, 'the second event');
  const [second, ...others] = await signs();
  expect(others.map(({ id }) => id)).toEqual([first]);
  expect(second).toMatchObject({
    agent: 'agent-1',
    device: null,
    origin: 'agent',
    details: [
      { name: 'incarnation', value: incarnation },
      { name: 'newest', value: 'third-spool' },
    ],
  });
  const alarms = await fixture.get<List<AlarmAnswer>>('/api/v1/alarms?state=active&resource=agent:agent-1');
  expect(alarms.items).toEqual([]);
});
