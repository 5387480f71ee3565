// Who should be told and is not: raised, made worse and ended by what their sources say; a source that says nothing changes nothing.
import { expect, test } from 'vitest';
import { newAgentMemory } from '../../../collector/faults/agent-memory.ts';
import type { AlarmChange } from '../../../collector/faults/alarm-machine.ts';
import { DEFAULT_FAULTS, faultsConfigOf, faultsSchema } from '../../../collector/faults/fault-rules.ts';
import { ReceiverWatch } from '../../../collector/faults/receiver-watch.ts';
import type { FailingReceiver } from '../../../collector/faults/receivers.ts';
import { bridgeReceivers } from '../../../collector/services/bridge-receivers.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const START = Date.UTC(2026, 10, 28);
const MINUTE = 60_000;
const failing = (resource: string, more: Partial<FailingReceiver> = {}): FailingReceiver => ({
  resource,
  name: `The receiver ${resource}`,
  state: 'failing',
  sinceMs: START,
  why: 'answered 503',
  ...more,
});

function rig() {
  const clock = new VirtualClock(START);
  const memory = newAgentMemory('collector:receivers');
  const changes: AlarmChange[] = [];
  let { rules } = DEFAULT_FAULTS;
  const said: Record<string, readonly FailingReceiver[] | null | Error> = { 'channel:': [], 'listener:': [] };
  let looks = 0;
  const watch = new ReceiverWatch(silentReporter().reporter, {
    clock,
    rules: () => rules,
    sources: Object.keys(said).map((prefix) => ({
      prefix,
      failing: () => {
        const answer = said[prefix] ?? null;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    })),
    raise: ({ judge }) => {
      looks += 1;
      changes.push(...judge(memory));
      return Promise.resolve();
    },
  });
  return {
    said,
    off: () => {
      ({ rules } = faultsConfigOf(faultsSchema.parse({ receiver_failing: { enabled: false } })));
    },
    looks: () => looks,
    look: async (afterMs: number): Promise<string[]> => {
      await clock.advance(afterMs);
      await watch.look();
      return changes.splice(0).map(({ kind, resource, severity }) => `${kind} ${resource} ${severity}`);
    },
  };
}

test('one that keeps failing is told after a while, once; given up it is worse; told again it is over', async () => {
  const { said, look, looks } = rig();
  expect(await look(0)).toEqual([]);
  said['channel:'] = [failing('channel:noc')];
  expect(await look(MINUTE)).toEqual([]);
  expect(await look(9 * MINUTE)).toEqual(['raised channel:noc minor']);
  said['channel:'] = [failing('channel:noc', { why: 'answered 500' })];
  expect(await look(MINUTE)).toEqual([]);
  said['channel:'] = [failing('channel:noc', { state: 'given_up' })];
  expect(await look(MINUTE)).toEqual(['changed channel:noc major']);
  said['channel:'] = [];
  expect(await look(MINUTE)).toEqual(['cleared channel:noc major']);
  const before = looks();
  expect(await look(MINUTE)).toEqual([]);
  expect(looks()).toBe(before);
});

test('one that was given up is told at once; a source that cannot be asked leaves its alarms and no others', async () => {
  const { said, look } = rig();
  said['channel:'] = [failing('channel:noc', { state: 'given_up' })];
  said['listener:'] = [failing('listener:a', { state: 'given_up' })];
  expect(await look(0)).toEqual(['raised channel:noc major', 'raised listener:a major']);
  said['channel:'] = new Error('away');
  said['listener:'] = [];
  expect(await look(MINUTE)).toEqual(['cleared listener:a major']);
  said['channel:'] = null;
  expect(await look(MINUTE)).toEqual([]);
});

test('a rule that is off ends what stands, also of a source that says nothing', async () => {
  const { said, look, off } = rig();
  said['channel:'] = [failing('channel:noc', { state: 'given_up' })];
  await look(0);
  off();
  said['channel:'] = null;
  expect(await look(MINUTE)).toEqual(['cleared channel:noc major']);
});

test('what the bridge says, with its token; an old one, and one that is not asked, say nothing', async () => {
  const asked: string[] = [];
  const since = new Date(START).toISOString();
  const fetchOf = (status: number) => (url: unknown, init?: RequestInit) => {
    asked.push(`${String(url)} ${new Headers(init?.headers).get('authorization')}`);
    const items = [{ channel: 'listener 7', state: 'given_up', since, failure: null }];
    return Promise.resolve(new Response(JSON.stringify({ items }), { status }));
  };
  const deps = { url: 'http://bridge', token: 'secret' };
  expect(await bridgeReceivers({ ...deps, fetch: fetchOf(200) })).toEqual([
    failing('billing-channel:listener 7', {
      name: 'The channel listener 7 of the billing bridge',
      state: 'given_up',
      why: '',
    }),
  ]);
  expect(asked).toEqual(['http://bridge/billing/v1/failing-channels Bearer secret']);
  expect(await bridgeReceivers({ ...deps, fetch: fetchOf(404) })).toBeNull();
  expect(await bridgeReceivers({ ...deps, token: '', fetch: fetchOf(200) })).toBeNull();
  expect(asked).toHaveLength(2);
});
