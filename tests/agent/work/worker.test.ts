// Work at the agent: done once whatever is given twice and whenever the process dies, bounded, and told as an event.
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { BegunWork, MOST_BEGUN } from '../../../agent/work/begun-work.ts';
import { detailsOf } from '../../../agent/work/result-details.ts';
import { refuseSet, type SetAllowance } from '../../../agent/work/set-allowance.ts';
import { WorkClient } from '../../../agent/work/work-client.ts';
import { type WorkItem, workItemOf } from '../../../agent/work/work-item.ts';
import { Worker, type WorkPorts } from '../../../agent/work/worker.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { FileDouble, QuestionDouble } from '../../support/question-double.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const DEVICES = new Map<string, SetAllowance>([
  ['core1', ['1.3.6.1.2.1.1.6']],
  ['core2', false],
]);

let clock: VirtualClock;
let file: FileDouble;
let events: DeviceEvent[];
let calls: string[];
let spoolFull: boolean;
let ports: WorkPorts;
let ids: number;
let reporter: ReturnType<typeof silentReporter>;
let present: Map<string, string>;

const SET = { oid: '1.3.6.1.2.1.1.6.0', type: 'text', value: 'rack 7' };
const OTHER = { oid: '1.3.6.1.2.1.1.6.1', type: 'text', value: 'c' };

beforeEach(() => {
  clock = new VirtualClock(1_700_000_000_000);
  file = new FileDouble();
  events = [];
  calls = [];
  spoolFull = false;
  ids = 0;
  reporter = silentReporter();
  const record = async (call: string, ms: number, signal: AbortSignal): Promise<object> => {
    calls.push(call);
    await clock.sleep(ms, signal);
    if (signal.aborted) throw new WeirError('poll_deadline', 'let go');
    return { outcome: 'complete' };
  };
  ports = {
    allowance: (device) => DEVICES.get(device) ?? null,
    pollNow: (device, signal) => record(`poll ${device}`, 1000, signal),
    explain: (device) => ({ profile: `of ${device}` }),
    ping: (device, signal) => record(`ping ${device}`, 500, signal),
    probe: (device, { address, credential }, signal) =>
      record(`probe ${device} at ${address} by ${credential}`, 500, signal),
    set: (device, varbinds, signal) => record(`set ${device} ${varbinds.map(({ oid }) => oid).join()}`, 100, signal),
    measurePath: (device, signal) => record(`measure ${device}`, 1000, signal),
    traceRoute: (device, signal) => record(`trace ${device}`, 1000, signal),
    read: async (_device, oids) =>
      Object.fromEntries(oids.map((oid): [string, string | null] => [oid, present.get(oid) ?? null])),
    checkSet: () => undefined,
  };
  present = new Map([
    [SET.oid, 'rack 6'],
    [OTHER.oid, 'b'],
  ]);
});

function worker(): Worker {
  return new Worker(reporter.reporter, {
    clock,
    begun: new BegunWork({ clock, file }),
    ports,
    newId: () => `event-${(ids += 1)}`,
    accept: async (event) => {
      if (spoolFull) throw new WeirError('journal_full', 'full');
      events.push(event);
    },
  });
}

function item(id: string, more: Partial<WorkItem> = {}): WorkItem {
  return { id, kind: 'poll', device: 'core1', varbinds: [], oids: [], steps: [], expiresInMs: 60_000, ...more };
}

const told = (): (readonly [string, Record<string, string>])[] =>
  events.map(({ name, details }) => [name, Object.fromEntries(details.map((one) => [one.name, one.value]))]);

async function recovered(): Promise<Worker> {
  const one = worker();
  await one.recover();
  return one;
}

describe('a piece of work', () => {
  test('is done, and its result is an event that names it', async () => {
    const one = await recovered();
    expect(one.take([item('w1')])).toBe(true);
    await clock.advance(2000);
    expect(calls).toEqual(['poll core1']);
    expect(events).toMatchObject([{ id: 'event-1', device: 'core1', origin: 'work', name: 'work_done', source: null }]);
    expect(told()).toEqual([['work_done', { work: 'w1', kind: 'poll', outcome: 'complete' }]]);
    await one.stop();
  });

  test('given again, while it runs, after it, and in another life, it is done once', async () => {
    const one = await recovered();
    expect([one.take([item('w1'), item('w1')]), one.take([item('w1')])]).toEqual([true, false]);
    await clock.advance(2000);
    expect(one.take([item('w1')])).toBe(false);
    await one.stop();
    const next = await recovered();
    expect(next.take([item('w1')])).toBe(false);
    await clock.advance(2000);
    expect([calls, events.length]).toEqual([['poll core1'], 1]);
  });

  test('begun when the process died: it is not done again, and that nobody knows how far it came is told', async () => {
    (await recovered()).take([item('w1', { kind: 'set', varbinds: [SET] })]);
    // No stop: the process is gone in the middle of it.
    await clock.advance(50);
    expect(calls).toEqual(['set core1 1.3.6.1.2.1.1.6.0']);
    const next = await recovered();
    expect(told()).toMatchObject([['work_failed', { work: 'w1', kind: 'set', code: 'work_interrupted' }]]);
    expect(next.take([item('w1')])).toBe(false);
    // And once only.
    await recovered();
    expect(events).toHaveLength(1);
  });

  test('whose result the spool refuses is told in the next life', async () => {
    spoolFull = true;
    (await recovered()).take([item('w1')]);
    await clock.advance(2000);
    expect(events).toEqual([]);
    spoolFull = false;
    await recovered();
    expect(told()).toMatchObject([['work_failed', { work: 'w1', code: 'work_interrupted' }]]);
  });

  test('that has waited past its time is not begun', async () => {
    const one = await recovered();
    one.take([item('w1'), item('w2', { expiresInMs: 900 }), item('w3', { expiresInMs: 5000 })]);
    await clock.advance(5000);
    expect(told().map(([, { work }]) => work)).toEqual(['w1', 'w3']);
    expect(await reporter.reporter.metricsText()).toContain('weir_work_total{kind="poll",outcome="expired"} 1');
  });

  test('on one device one after the other, on several beside each other, eight at most', async () => {
    const one = await recovered();
    const many = Array.from({ length: 10 }, (_, at) => item(`other${at}`, { device: `d${at}` }));
    for (const { device } of many) DEVICES.set(device, false);
    one.take([item('w1'), item('w2'), ...many]);
    await clock.advance(10);
    expect(calls).toHaveLength(8);
    expect(calls.filter((call) => call === 'poll core1')).toHaveLength(1);
    await clock.advance(5000);
    expect(events).toHaveLength(12);
  });

  test('of a device that is not ours fails, under no device', async () => {
    const one = await recovered();
    one.take([item('w1', { device: 'not-ours' })]);
    await clock.advance(100);
    expect(events).toMatchObject([{ device: null, name: 'work_failed' }]);
    expect(told()[0]?.[1]).toMatchObject({ code: 'not_found', work: 'w1' });
    expect(calls).toEqual([]);
  });

  test('a probe asks what is not configured, and is told under no device', async () => {
    const one = await recovered();
    const probe = { address: '192.0.2.7', credential: 'public' };
    one.take([item('w1', { kind: 'probe', device: 'new1', probe }), item('w2', { kind: 'probe', device: 'new2' })]);
    await clock.advance(1000);
    expect(calls).toEqual(['probe new1 at 192.0.2.7 by public']);
    expect(events.map(({ device }) => device)).toEqual([null, null]);
    expect(told().map(([, { work, code = 'done' }]) => [work, code])).toEqual([
      ['w2', 'invalid_request'],
      ['w1', 'done'],
    ]);
  });

  test('at a stop is let go, and what came of it is told; what waits is left', async () => {
    const one = await recovered();
    one.take([item('w1'), item('w2')]);
    await clock.advance(10);
    await one.stop();
    expect(told()).toMatchObject([['work_failed', { work: 'w1', code: 'poll_deadline' }]]);
    expect(one.take([item('w3')])).toBe(false);
  });
});

test('whatever is given twice, lost on its way, and whenever the process dies or the spool refuses: nothing is done twice', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ give: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1 }) }) },
    { weight: 3, arbitrary: fc.record({ passMs: fc.integer({ min: 1, max: 3000 }) }) },
    { weight: 1, arbitrary: fc.constant({ die: true }) },
    { weight: 1, arbitrary: fc.record({ spoolFull: fc.boolean() }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      calls = [];
      events = [];
      file = new FileDouble();
      spoolFull = false;
      const given = new Set<number>();
      const alive = { generation: 0 };
      // What a process that is gone still does is done by nobody.
      const ofLife = (): WorkPorts => {
        const { generation } = alive;
        const set: WorkPorts['set'] = async (_device, varbinds, signal) => {
          calls.push(varbinds[0]?.value ?? '');
          await clock.sleep(700, signal);
          if (generation !== alive.generation) return new Promise(() => undefined);
          return {};
        };
        return { ...ports, set };
      };
      const live = async (): Promise<Worker> => {
        const made = new Worker(reporter.reporter, {
          clock,
          begun: new BegunWork({ clock, file }),
          ports: ofLife(),
          newId: () => `event-${(ids += 1)}`,
          accept: async (event) => {
            if (spoolFull) throw new WeirError('journal_full', 'full');
            events.push(event);
          },
        });
        await made.recover();
        return made;
      };
      let one = await live();
      for (const now of steps) {
        if ('give' in now) {
          for (const id of now.give) given.add(id);
          one.take(
            now.give.map((id) =>
              item(`w${id}`, { kind: 'set', varbinds: [{ ...SET, value: `w${id}` }], expiresInMs: 3_600_000 }),
            ),
          );
        } else if ('passMs' in now) await clock.advance(now.passMs);
        else if ('spoolFull' in now) ({ spoolFull } = now);
        else {
          alive.generation += 1;
          one = await live();
        }
      }
      // In the end all is well, and the collector gives once more what it has no result of.
      spoolFull = false;
      alive.generation += 1;
      one = await live();
      one.take([...given].map((id) => item(`w${id}`, { kind: 'set', varbinds: [{ ...SET, value: `w${id}` }] })));
      await clock.advance(60_000);
      expect(calls.length).toBe(new Set(calls).size);
      expect(new Set(calls)).toEqual(new Set([...given].map((id) => `w${id}`)));
      const results = told().map(([, { work }]) => work);
      expect(new Set(results)).toEqual(new Set(calls));
      // One result each, but for one that was told and whose process died before it could note that.
      const done = told().filter(([name]) => name === 'work_done');
      expect(done.length).toBe(new Set(done.map(([, { work }]) => work)).size);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('a diagnosis asks for everything, and a part that fails is part of it', async () => {
  ports = { ...ports, ping: () => Promise.reject(new WeirError('not_ready', 'no ping here')) };
  const one = await recovered();
  one.take([item('w1', { kind: 'diagnose' })]);
  await clock.advance(2000);
  expect(told()).toEqual([
    [
      'work_done',
      {
        work: 'w1',
        kind: 'diagnose',
        'ping.code': 'not_ready',
        'ping.message': 'no ping here',
        'before.profile': 'of core1',
        'poll.outcome': 'complete',
      },
    ],
  ]);
});

describe('a set', () => {
  test.for([
    ['below what is allowed', 'core1', [SET], null],
    ['beside what is allowed', 'core1', [SET, { ...SET, oid: '1.3.6.1.2.1.1.60.0' }], 'set_not_allowed'],
    ['where nothing is allowed', 'core2', [SET], 'set_not_allowed'],
  ] as const)('%s', async ([, device, varbinds, code]) => {
    const one = await recovered();
    one.take([item('w1', { kind: 'set', device, varbinds: [...varbinds] })]);
    await clock.advance(1000);
    expect(calls).toHaveLength(code === null ? 1 : 0);
    expect(told()[0]).toMatchObject(code === null ? ['work_done', { work: 'w1' }] : ['work_failed', { code }]);
  });

  test('that cannot be remembered is not done; a poll is', async () => {
    file.refuses = true;
    const one = await recovered();
    one.take([item('w1', { kind: 'set', varbinds: [SET] }), item('w2')]);
    await clock.advance(3000);
    expect(calls).toEqual(['poll core1']);
    expect(told()).toMatchObject([
      ['work_failed', { work: 'w1', code: 'data_folder_unusable' }],
      ['work_done', { work: 'w2' }],
    ]);
  });

  test.for([
    [true, ['1.2.3'], null],
    [false, ['1.2.3'], '1.2.3'],
    [['1.2'], ['1.2', '.1.2.3.4'], null],
    [['.1.2'], ['1.2.3'], null],
    [['1.2'], ['1.20.3'], '1.20.3'],
    [['1.2', '1.3'], ['1.2.1', '1.4.1'], '1.4.1'],
    [['1.2.3'], ['1.2'], '1.2'],
    [['1.2'], [], null],
  ] as const)('allowed %j, asked %j: refused %j', ([allowance, oids, refused]) => {
    const varbinds = oids.map((oid) => ({ oid, type: 'integer', value: '1' }));
    const attempt = (): void => refuseSet('core1', allowance, varbinds);
    if (oids.length === 0) expect(attempt).toThrow('Nothing');
    else if (refused === null) expect(attempt).not.toThrow();
    else
      expect(attempt).toThrow(
        expect.objectContaining({ code: 'set_not_allowed', detail: { device: 'core1', oid: refused } }),
      );
  });
});

describe('a sequence', () => {
  const bounce = (more: Partial<WorkItem> = {}): WorkItem =>
    item('w1', {
      kind: 'sequence',
      steps: [
        { varbinds: [SET], pauseMs: 5000 },
        { varbinds: [OTHER], pauseMs: 0 },
      ],
      ...more,
    });
  const sets = (): string[] => calls.filter((call) => call.startsWith('set'));

  test('sets step by step with its pauses, and tells the values before and after', async () => {
    const one = await recovered();
    one.take([bounce()]);
    await clock.advance(4000);
    expect(sets()).toEqual([`set core1 ${SET.oid}`]);
    await clock.advance(2000);
    expect(sets()).toEqual([`set core1 ${SET.oid}`, `set core1 ${OTHER.oid}`]);
    expect(told()).toMatchObject([
      ['work_done', { stepsDone: '2', [`before.${SET.oid}`]: 'rack 6', [`after.${OTHER.oid}`]: 'b' }],
    ]);
  });

  test('a rehearsal sets nothing, and tells what is there', async () => {
    const one = await recovered();
    one.take([bounce({ kind: 'rehearse' })]);
    await clock.advance(100);
    expect(calls).toEqual([]);
    expect(told()).toMatchObject([['work_done', { [`before.${SET.oid}`]: 'rack 6', [`before.${OTHER.oid}`]: 'b' }]]);
  });

  test.for([
    [
      'one step is not allowed',
      { steps: [{ varbinds: [SET, { ...OTHER, oid: '1.3.9' }], pauseMs: 0 }] },
      'set_not_allowed',
    ],
    ['nothing may be set', { device: 'core2' }, 'set_not_allowed'],
    [
      'the device has no such object',
      { steps: [{ varbinds: [{ ...SET, oid: '1.3.6.1.2.1.1.6.9' }], pauseMs: 0 }] },
      'snmp_refused',
    ],
  ] as const)('%s: then none of it is begun', async ([, more, code]) => {
    const one = await recovered();
    one.take([bounce(JSON.parse(JSON.stringify(more)) as Partial<WorkItem>)]);
    await clock.advance(10_000);
    expect(calls).toEqual([]);
    expect(told()).toMatchObject([['work_failed', { code }]]);
  });

  test('an agent that stops in the pause ends the pause, and not the steps behind it', async () => {
    const one = await recovered();
    one.take([bounce()]);
    await clock.advance(1000);
    const stopped = one.stop();
    await clock.advance(200);
    await stopped;
    expect(sets()).toEqual([`set core1 ${SET.oid}`, `set core1 ${OTHER.oid}`]);
    expect(told()).toMatchObject([['work_done', { stepsDone: '2' }]]);
  });

  test('a step that fails ends it, and says how far it came and what was there', async () => {
    const well = ports;
    ports = {
      ...well,
      set: (device, varbinds, signal) =>
        varbinds[0]?.oid === OTHER.oid
          ? Promise.reject(new WeirError('snmp_timeout', 'no answer'))
          : well.set(device, varbinds, signal),
    };
    const one = await recovered();
    one.take([bounce()]);
    await clock.advance(10_000);
    expect(told()).toMatchObject([
      ['work_failed', { code: 'snmp_timeout', 'detail.stepsDone': '1', [`detail.before.${SET.oid}`]: 'rack 6' }],
    ]);
  });

  test('begun when the process died, it is not done again', async () => {
    (await recovered()).take([bounce()]);
    await clock.advance(1000);
    const next = await recovered();
    expect(next.take([bounce()])).toBe(false);
    expect(told()).toMatchObject([['work_failed', { kind: 'sequence', code: 'work_interrupted' }]]);
  });
});

test('what is read is told by name, and what is not there too', async () => {
  const one = await recovered();
  one.take([item('w1', { kind: 'read', oids: [SET.oid, '1.3.6.1.9'] })]);
  await clock.advance(10);
  expect(told()).toEqual([
    ['work_done', { work: 'w1', kind: 'read', [`value.${SET.oid}`]: 'rack 6', 'absent.0': '1.3.6.1.9' }],
  ]);
});

describe('what is remembered', () => {
  test('has a bound; what no collector can give any more makes room', async () => {
    const begun = new BegunWork({ clock, file });
    begun.recover();
    for (let at = 0; at < MOST_BEGUN; at += 1) {
      expect(begun.begin(item(`w${at}`))).toBe('begun');
      begun.told(`w${at}`);
    }
    expect(begun.begin(item('one more'))).toBe('full');
    clock.step(3_660_001);
    expect(begun.begin(item('one more'))).toBe('begun');
    expect(begun.has('w1')).toBe(false);
  });

  test.for(['no JSON', '{"id":1}', '[{"id":1}]'])('a file that is not ours is taken for absent: %s', (text) => {
    file.bytes = Buffer.from(text);
    expect(new BegunWork({ clock, file }).recover()).toEqual([]);
  });
});

test('details are flat, bounded in number and length, and say what was left out', () => {
  expect(
    detailsOf({ a: { b: 1n, c: [true, null, { d: 1, e: { f: 'g' } }] }, d: undefined, e: 'x'.repeat(5000) }),
  ).toEqual([
    { name: 'a.b', value: '1' },
    { name: 'a.c.0', value: 'true' },
    { name: 'a.c.1', value: '' },
    { name: 'a.c.2', value: 'd=1 e.f=g' },
    { name: 'e', value: 'x'.repeat(1000) },
  ]);
  const many = detailsOf(Array.from({ length: 300 }, (_, at) => at));
  expect([many.length, many.at(-1)]).toEqual([100, { name: 'left_out', value: '201 more' }]);
});

describe('asking for work', () => {
  function client(): { questions: QuestionDouble; client: WorkClient; taken: string[] } {
    const questions = new QuestionDouble(clock);
    const taken: string[] = [];
    const known = new Set<string>();
    const one = {
      recover: async () => undefined,
      take: (items: readonly WorkItem[]) => {
        const fresh = items.filter(({ id }) => !known.has(id));
        for (const { id } of fresh) {
          known.add(id);
          taken.push(id);
        }
        return fresh.length > 0;
      },
      stop: async () => undefined,
    };
    const made = new WorkClient(reporter.reporter, 'north 1', { clock, random: () => 0.5, questions, worker: one });
    return { questions, client: made, taken };
  }

  test('by long poll, one question after the other', async () => {
    const { questions, client: asking, taken } = client();
    let given = 0;
    questions.answer = () => {
      given += 1;
      return given === 2 ? { afterMs: 5000, body: { items: [item('w1')] } } : { afterMs: 25_000, body: { items: [] } };
    };
    await asking.start();
    await clock.advance(60_000);
    expect(taken).toEqual(['w1']);
    expect(questions.asked.map(({ place, atMs }) => [place, atMs])).toEqual([
      ['/api/v1/agents/north%201/work?wait=25', 0],
      ['/api/v1/agents/north%201/work?wait=25', 25_000],
      ['/api/v1/agents/north%201/work?wait=25', 30_000],
      ['/api/v1/agents/north%201/work?wait=25', 55_000],
    ]);
    await asking.stop();
  });

  test('never busy: whatever a collector answers at once, over and over', async () => {
    for (const body of [{ items: [] }, { items: [item('w1')] }, { items: [{ id: 1 }] }]) {
      const { questions, client: asking } = client();
      questions.answer = () => ({ body });
      await asking.start();
      await clock.advance(60_000);
      expect(questions.asked.length).toBeLessThanOrEqual(41);
      await asking.stop();
    }
  });

  test.for([
    ['away', new WeirError('collector_unreachable', 'away'), 3, 12],
    ['saying no', new WeirError('collector_refused', 'no', { status: 403, code: 'agent_mismatch' }), 2, 5],
    ['answering nonsense', null, 2, 5],
  ] as const)(
    'a collector that is %s is asked ever more slowly, and again at once when it is back',
    async ([, error, least, most]) => {
      const { questions, client: asking, taken } = client();
      questions.answer = () => (error === null ? { body: Buffer.from('<html>') } : { error });
      await asking.start();
      await clock.advance(180_000);
      expect(questions.asked.length).toBeGreaterThanOrEqual(least);
      expect(questions.asked.length).toBeLessThanOrEqual(most);
      expect(reporter.lines.filter((line) => line.includes('no work can be asked for'))).toHaveLength(1);
      questions.answer = () => ({ afterMs: 25_000, body: { items: [item('w1')] } });
      await clock.advance(650_000);
      expect(taken).toEqual(['w1']);
      await asking.stop();
    },
  );

  test('what is no work for this agent is left out', () => {
    expect(workItemOf({ ...item('w1'), more: 1 })?.id).toBe('w1');
    for (const wrong of [null, {}, { ...item('w1'), kind: 'reboot' }, { ...item('w1'), expiresInMs: -1 }])
      expect(workItemOf(wrong)).toBeNull();
  });
});
