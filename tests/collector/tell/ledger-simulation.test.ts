// The same as the pure simulation over the real ledger and real HTTP: faults, shelves, receivers in trouble, announcers that die anywhere or run side by side.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Severity } from '../../../collector/faults/alarm.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { Receiver, route } from '../../support/telling-machine.ts';
import { type Telling, TellingRig } from '../../support/telling-rig.ts';
import type { Answering } from '../../support/webhook-server.ts';

const NAMES = ['core1', 'core2', 'core3', 'core4'];
const ROUTES = [route({ groupBy: 'device', groupWaitMs: 10_000, repeatMs: 120_000 })];
const STORM = { messages: 4, spanMs: 60_000, digestMs: 20_000 };

const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('raise' as const),
      name,
      severity: fc.constantFrom<Severity>('critical', 'major', 'minor'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('clear' as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('shelve' as const), name, ms: fc.integer({ min: 1, max: 90_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('operate' as const),
      name,
      state: fc.constantFrom('none' as const, 'ack' as const, 'closed' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      answering: fc.constantFrom<Answering>('well', 'refusing', 'lost', 'swallowed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('die' as const),
      failAt: fc.integer({ min: 0, max: 25 }),
      after: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('both' as const) }) },
);
const script = fc.array(fc.record({ seconds: fc.constantFrom(0, 5, 15, 40), step }), { minLength: 5, maxLength: 35 });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

let rig: TellingRig;
beforeAll(async () => {
  rig = await TellingRig.start();
}, 60_000);
afterAll(() => rig.stop());

const telling = (): Telling => rig.telling(ROUTES, { storm: STORM });

async function happen(what: Step): Promise<void> {
  if (what.do === 'raise') await rig.raise(what.name, what.severity);
  else if (what.do === 'clear') await rig.clear(what.name);
  else if (what.do === 'shelve') await rig.shelve(what.name, what.ms);
  else if (what.do === 'operate') await rig.operate(what.name, what.state);
  else if (what.do === 'answer') rig.hooks.answering = what.answering;
  else if (what.do === 'both') await Promise.all([rig.pass(telling()), rig.pass(telling())]);
  else {
    const dying = rig.telling(ROUTES, {
      storm: STORM,
      database: new FailingDatabase(rig.database, what.failAt, what.after),
    });
    await rig.pass(dying).catch(() => undefined);
    await dying.deliveries.settled();
  }
}

async function so(): Promise<Map<string, { severity: string; operatorState: string }>> {
  const { rows } = await rig.database.query<{ id: bigint; severity: string; operator_state: string }>(
    'select id, severity, operator_state from faults.alarm where not is_cleared',
  );
  return new Map(
    rows.map(({ id, severity, operator_state: operatorState }) => [id.toString(), { severity, operatorState }]),
  );
}

test('once all is quiet the receiver believes what is so, told the end of nothing that it was not told of, and of nothing twice', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      await rig.reset();
      let own = telling();
      for (const { seconds, step: what } of steps) {
        await happen(what);
        // Each process that comes after knows what the ledger knows, and no more.
        if (what.do === 'die') own = telling();
        await rig.go(own, seconds);
      }
      rig.hooks.answering = 'well';
      for (let at = 0; at < 30; at += 1) {
        await rig.clock.advance(30_000);
        await rig.pass(own);
      }
      const receiver = new Receiver();
      for (const { key, body } of rig.hooks.hooks)
        receiver.take({
          key,
          covers: body.alarms.map(({ alarm, kind, severity, operatorState }) => ({
            alarm,
            kind,
            belief: kind === 'cleared' ? null : { severity, operatorState },
          })),
        });
      const now = await so();
      // What operators closed before anybody was told is told to nobody.
      for (const [id, { operatorState }] of now)
        if (operatorState === 'closed' && !receiver.believed.has(id)) now.delete(id);
      expect(Object.fromEntries(receiver.believed)).toEqual(Object.fromEntries(now));
      expect(receiver.complaints).toEqual([]);
      expect(rig.hooks.forged).toEqual([]);
      expect((await rig.messages()).filter(({ state }) => state !== 'done' && state !== 'superseded')).toEqual([]);
    }),
    { numRuns: 12 },
  );
});
