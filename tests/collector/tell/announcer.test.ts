// The announcer over a real database and a real receiver: intent before, done after, whatever dies in between, and however many announcers there are.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failingChannels } from '../../../collector/tell/failing-channels.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { route } from '../../support/telling-machine.ts';
import { forgetSettled } from '../../../collector/tell/outbox.ts';
import { RIG_START_MS, TellingRig } from '../../support/telling-rig.ts';

const AT_ONCE = [route({ groupBy: 'none', groupWaitMs: 0 })];

let rig: TellingRig;

beforeAll(async () => {
  rig = await TellingRig.start();
}, 60_000);
afterAll(() => rig.stop());
beforeEach(() => rig.reset());

describe('one announcer', () => {
  test('tells a raise, what operators did, and the end, each once, signed', async () => {
    const telling = rig.telling(AT_ONCE);
    const id = await rig.raise('core1');
    await rig.pass(telling);
    await rig.pass(telling);
    await rig.operate('core1', 'ack');
    await rig.pass(telling);
    await rig.clear('core1');
    await rig.pass(telling);
    await rig.pass(telling);
    expect(rig.hooks.told()).toEqual([`raised ${id}`, `acknowledged ${id}`, `cleared ${id}`]);
    expect(rig.hooks.forged).toEqual([]);
    expect((await rig.messages()).map(({ state }) => state)).toEqual(['done', 'done', 'done']);
  });

  test('gathers what comes together, and forgets what is over before it goes out', async () => {
    const telling = rig.telling([route({ groupBy: 'all', groupWaitMs: 10_000 })]);
    const first = await rig.raise('core1', 'minor');
    await rig.raise('core2');
    await rig.pass(telling);
    const third = await rig.raise('core3', 'critical');
    await rig.clear('core2');
    await rig.go(telling, 20);
    expect(rig.hooks.hooks).toHaveLength(1);
    // The worst first.
    expect(rig.hooks.told()).toEqual([`raised ${third}`, `raised ${first}`]);
    expect(rig.hooks.hooks[0]?.body.title).toContain('2 alarms');
  });

  test('goes on telling over its end, from the ledger alone', async () => {
    const id = await rig.raise('core1');
    await rig.pass(rig.telling(AT_ONCE));
    await rig.clear('core1');
    const other = await rig.raise('core2');
    await rig.pass(rig.telling(AT_ONCE));
    expect(rig.hooks.told().toSorted()).toEqual([`cleared ${id}`, `raised ${id}`, `raised ${other}`].toSorted());
  });

  test('a shelf hides, its end shows', async () => {
    const telling = rig.telling(AT_ONCE);
    const id = await rig.raise('core1');
    await rig.shelve('core1', 60_000);
    await rig.go(telling, 50);
    expect(rig.hooks.told()).toEqual([]);
    await rig.go(telling, 20);
    expect(rig.hooks.told()).toEqual([`raised ${id}`]);
  });
});

describe('a receiver in trouble', () => {
  test('one that surely took nothing is told how it is when it is back, not how it was', async () => {
    const telling = rig.telling(AT_ONCE);
    rig.hooks.answering = 'refusing';
    await rig.raise('core1');
    await rig.pass(telling);
    await rig.clear('core1');
    await rig.go(telling, 60);
    rig.hooks.answering = 'well';
    await rig.go(telling, 60);
    expect(rig.hooks.told()).toEqual([]);
    expect((await rig.messages()).map(({ state }) => state)).toEqual(['superseded']);
  });

  test('one that may have taken it gets the same message under the same key until it says so', async () => {
    const telling = rig.telling(AT_ONCE);
    rig.hooks.answering = 'swallowed';
    const id = await rig.raise('core1');
    await rig.go(telling, 30);
    await rig.clear('core1');
    await rig.go(telling, 30);
    expect(new Set(rig.hooks.hooks.map(({ key }) => key)).size).toBe(1);
    expect(rig.hooks.hooks.length).toBeGreaterThan(2);
    expect(new Set(rig.hooks.hooks.map(({ text }) => text)).size).toBe(1);
    rig.hooks.answering = 'well';
    await rig.go(telling, 60);
    expect(rig.hooks.told()).toEqual([`raised ${id}`, `cleared ${id}`]);
  });

  test('a refusal after a doubt does not make it sure', async () => {
    const telling = rig.telling(AT_ONCE);
    rig.hooks.answering = 'swallowed';
    const id = await rig.raise('core1');
    await rig.pass(telling);
    rig.hooks.answering = 'refusing';
    await rig.go(telling, 20);
    await rig.clear('core1');
    await rig.go(telling, 20);
    rig.hooks.answering = 'well';
    await rig.go(telling, 60);
    expect(rig.hooks.told()).toEqual([`raised ${id}`, `cleared ${id}`]);
  });

  test('is given up after so many tries, seen, and tried again once another message got through an hour later', async () => {
    const telling = rig.telling(AT_ONCE, { maxAttempts: 3 });
    rig.hooks.answering = 'refusing';
    const id = await rig.raise('core1');
    await rig.go(telling, 60);
    expect(await rig.messages()).toMatchObject([
      { state: 'dead', attempts: 3, failure: expect.stringContaining('503') as string },
    ]);
    expect(await failingChannels(rig.database)).toMatchObject([
      { resource: 'channel:noc', state: 'given_up', why: expect.stringContaining('503') as string },
    ]);
    rig.hooks.answering = 'well';
    await rig.go(telling, 30);
    expect(rig.hooks.told()).toEqual([]);
    await rig.clock.advance(3_600_000);
    const other = await rig.raise('core2');
    await rig.go(telling, 10);
    expect(rig.hooks.told()).toEqual([`raised ${other}`, `raised ${id}`]);
    expect(await failingChannels(rig.database)).toEqual([]);
  });

  test('a slow channel delays no other', async () => {
    let opened = (): void => undefined;
    const routes = [route({ groupBy: 'none', groupWaitMs: 0, channels: ['noc', 'chat'] })];
    const telling = rig.telling(routes, { channels: ['noc', 'chat'] });
    // The first request waits, the second does not.
    rig.hooks.gate = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const slow = rig.telling(routes, { channels: ['noc'] });
    const id = await rig.raise('core1');
    await slow.announcer.pass();
    await new Promise((resolve) => setTimeout(resolve, 100));
    rig.hooks.gate = Promise.resolve();
    await telling.announcer.pass();
    await telling.deliveries.settled();
    expect(rig.hooks.hooks.map(({ path }) => path)).toEqual(['/chat']);
    opened();
    await slow.deliveries.settled();
    expect(rig.hooks.hooks.map(({ path, body }) => [path, body.alarms[0]?.alarm])).toEqual([
      ['/chat', id],
      ['/noc', id],
    ]);
  });
});

describe('death at any moment', () => {
  test.each([false, true])(
    'at each query, after it took place: %s: nothing is lost, nothing told under two keys',
    { timeout: 120_000 },
    async (after) => {
      const keysOf = (): Map<string, Set<string>> => {
        const keys = new Map<string, Set<string>>();
        for (const { key, body } of rig.hooks.hooks)
          for (const { kind, alarm } of body.alarms)
            keys.set(`${kind} ${alarm}`, (keys.get(`${kind} ${alarm}`) ?? new Set()).add(key));
        return keys;
      };
      let deaths = 0;
      for (let failAt = 0; ; failAt += 1) {
        await rig.reset();
        const over = await rig.raise('core1');
        await rig.pass(rig.telling(AT_ONCE));
        await rig.clear('core1');
        const [first, second] = [await rig.raise('core2'), await rig.raise('core3')];
        const broken = new FailingDatabase(rig.database, failAt, after);
        const dying = rig.telling(AT_ONCE, { database: broken });
        await rig.pass(dying).catch(() => undefined);
        await dying.deliveries.settled();
        const heir = rig.telling(AT_ONCE);
        await rig.go(heir, 60);
        const keys = keysOf();
        const expected = [`raised ${over}`, `cleared ${over}`, `raised ${first}`, `raised ${second}`];
        expect([failAt, [...keys.keys()].toSorted()]).toEqual([failAt, expected.toSorted()]);
        expect([failAt, [...keys.values()].map(({ size }) => size)]).toEqual([failAt, [1, 1, 1, 1]]);
        if (!broken.failed) break;
        deaths += 1;
      }
      expect(deaths).toBeGreaterThan(20);
    },
  );

  test('two announcers on one database tell as one', async () => {
    const both = [rig.telling(AT_ONCE), rig.telling(AT_ONCE)];
    const ids: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      ids.push(await rig.raise(`core${round}`));
      await Promise.all(both.map((one) => rig.pass(one)));
    }
    await Promise.all(both.map((one) => rig.go(one, 10)));
    expect(rig.hooks.told().toSorted()).toEqual(ids.map((id) => `raised ${id}`).toSorted());
    expect(rig.hooks.hooks).toHaveLength(ids.length);
  });
});

test('what is settled and old is forgotten, what somebody believes is not', async () => {
  const telling = rig.telling(AT_ONCE);
  await rig.raise('core1');
  await rig.raise('core2');
  await rig.pass(telling);
  await rig.clear('core1');
  await rig.pass(telling);
  const forgetting = { keptMs: 1000, channels: ['noc'] };
  await forgetSettled(rig.database, { ...forgetting, nowMs: RIG_START_MS + 1000 });
  expect(await rig.messages()).toHaveLength(3);
  await forgetSettled(rig.database, { ...forgetting, nowMs: RIG_START_MS + 1001 });
  expect(await rig.messages()).toEqual([]);
  const { rows } = await rig.database.query<{ device: string }>(
    'select device from tell.ledger join faults.alarm on alarm.id = ledger.alarm',
  );
  expect(rows).toEqual([{ device: 'core2' }]);
  // It is not told again, and its end is.
  await rig.clear('core2');
  await rig.pass(telling);
  expect(rig.hooks.told().at(-1)).toMatch(/^cleared/);
  expect(rig.hooks.told()).toHaveLength(4);
});

test('a channel that is configured no more is forgotten after a day, with what it was to be told', async () => {
  const telling = rig.telling([route({ groupBy: 'none', groupWaitMs: 0, channels: ['noc', 'old'] })], {
    channels: ['noc', 'old'],
  });
  const id = await rig.raise('core1');
  await rig.pass(telling);
  rig.hooks.answering = 'lost';
  await rig.raise('core2');
  await rig.pass(telling);
  rig.hooks.answering = 'well';
  const day = 86_400_000;
  const channelsLeft = async (nowMs: number): Promise<unknown> => {
    await forgetSettled(rig.database, { nowMs, keptMs: 100 * day, channels: ['noc'] });
    return (await rig.database.query('select channel, count(*) from tell.ledger group by 1 order by 1')).rows;
  };
  expect(await channelsLeft(RIG_START_MS + day - 1)).toEqual([
    { channel: 'noc', count: 2n },
    { channel: 'old', count: 2n },
  ]);
  expect(await channelsLeft(RIG_START_MS + day + 1)).toEqual([{ channel: 'noc', count: 2n }]);
  const states = await rig.database.query(`select state from tell.message where channel = 'old' order by id`);
  expect(states.rows).toEqual([{ state: 'done' }, { state: 'superseded' }]);
  await rig.clear('core1');
  await rig.go(rig.telling(AT_ONCE), 10);
  expect(rig.hooks.told()).toContain(`cleared ${id}`);
});

test('what a storm folds is counted, told, and told as over', async () => {
  const storm = { messages: 3, spanMs: 600_000, digestMs: 60_000 };
  const telling = rig.telling(AT_ONCE, { storm });
  for (let at = 0; at < 30; at += 1) await rig.raise(`core${at}`, at === 7 ? 'critical' : 'major');
  await rig.pass(telling);
  const [, , digest] = rig.hooks.hooks;
  expect(rig.hooks.hooks).toHaveLength(3);
  expect(digest?.body).toMatchObject({ folded: 0, title: expect.stringContaining('28 changes of alarms') as string });
  for (let at = 0; at < 30; at += 1) await rig.clear(`core${at}`);
  await rig.go(telling, 120);
  const cleared = rig.hooks.told().filter((text) => text.startsWith('cleared'));
  expect(new Set(cleared).size).toBe(30);
});
