// Scheduled work: never two at once, never a wake forgotten, a timer where the queue is dead, and no effect of a lease that was lost.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type HeldLease, onceLeaseIsFree, underLease } from '../../../billing-bridge/queue/held-lease.ts';
import { ScheduledWork, type ScheduledWorkDeps, type Task } from '../../../billing-bridge/queue/scheduled-work.ts';
import type { CarriedState, CronTime, WorkQueue } from '../../../billing-bridge/queue/work-queue.ts';
import type { Lease } from '../../../common/database/database.ts';
import { Leases, leaseMigrations } from '../../../common/database/lease.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** A queue that only remembers its schedules, and is away as long as the test wants. */
class QueueDouble implements WorkQueue {
  readonly schedules = new Map<string, number | CronTime>();
  starts = 0;
  /** hangs: as a client that waits for its server; refuses: as one that does not. */
  away: 'hangs' | 'refuses' | null = null;
  #come: (() => void)[] = [];

  start(): Promise<void> {
    this.starts += 1;
    if (this.away === 'refuses') return Promise.reject(new Error('connection refused'));
    return this.away === null ? Promise.resolve() : new Promise((resolve) => this.#come.push(resolve));
  }

  come(): void {
    this.away = null;
    for (const resolve of this.#come.splice(0)) resolve();
  }

  schedule(name: string, when: number | CronTime): Promise<void> {
    if (this.away !== null) return Promise.reject(new Error('connection lost'));
    this.schedules.set(name, when);
    return Promise.resolve();
  }

  scheduled(name: string): Promise<boolean> {
    return this.away === null
      ? Promise.resolve(this.schedules.has(name))
      : Promise.reject(new Error('connection lost'));
  }

  stop = (): Promise<void> => Promise.resolve();
  deliver = (): Promise<void> => Promise.resolve();
  stateOf = (): Promise<Map<string, CarriedState>> => Promise.resolve(new Map<string, CarriedState>());
  backlog = (): Promise<number> => Promise.resolve(0);
  deadLetters = (): Promise<{ items: []; all: number }> => Promise.resolve({ items: [], all: 0 });
  retry = (): Promise<boolean> => Promise.resolve(false);
}

/** Leases of one process: granted unless told otherwise. */
class LeasesDouble {
  readonly log: string[] = [];
  elsewhere = false;
  lost = false;
  renewFails = false;

  acquire(name: string, holder: string): Promise<Lease | null> {
    this.log.push(`acquire ${name}`);
    return Promise.resolve(this.elsewhere ? null : { name, holder, token: BigInt(this.log.length) });
  }
  renew(lease: Lease): Promise<void> {
    this.log.push(`renew ${lease.name}`);
    return this.renewFails ? Promise.reject(new Error('database away')) : Promise.resolve();
  }
  release(lease: Lease): Promise<void> {
    this.log.push(`release ${lease.name}`);
    return Promise.resolve();
  }
  assertHeld(): Promise<void> {
    return this.lost ? Promise.reject(new WeirError('lease_lost', 'The lease is lost.')) : Promise.resolve();
  }
}

const running: ScheduledWork[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

function work(
  tasks: readonly (Pick<Task, 'name'> & Partial<Task>)[],
  deps: Partial<ScheduledWorkDeps> = {},
): { scheduled: ScheduledWork; queue: QueueDouble; leases: LeasesDouble; clock: VirtualClock; lines: string[] } {
  const { reporter, lines } = silentReporter();
  const [queue, leases, clock] = [new QueueDouble(), new LeasesDouble(), new VirtualClock(0)];
  const scheduled = new ScheduledWork(
    reporter,
    tasks.map((task) => ({ everyMs: 60_000, run: () => Promise.resolve({ did: true, summary: 'done' }), ...task })),
    { queue, leases, clock, holder: 'test', ...deps },
  );
  running.push(scheduled);
  return { scheduled, queue, leases, clock, lines };
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
};
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** A run that ends when it is told to. */
function gated(): { task: Task; begun: () => number; end: () => void } {
  let begun = 0;
  let end: (() => void) | null = null;
  const task: Task = {
    name: 'mediate',
    everyMs: 60_000,
    run: async () => {
      begun += 1;
      await new Promise<void>((resolve) => (end = resolve));
      return { did: true, summary: begun };
    },
  };
  return { task, begun: () => begun, end: () => end?.() };
}

describe('a wake', () => {
  test('runs at the start; one that is running is followed by exactly one more, however often it is woken', async () => {
    const { task, begun, end } = gated();
    const { scheduled } = work([task]);
    await scheduled.start();
    await settle();
    expect(begun()).toBe(1);
    for (let wakes = 0; wakes < 5; wakes += 1) scheduled.wake('mediate');
    await settle();
    expect([begun(), scheduled.states()[0]?.running]).toEqual([1, true]);
    end();
    await settle();
    expect(begun()).toBe(2);
    end();
    await settle();
    expect(begun()).toBe(2);
    expect(scheduled.states()[0]).toMatchObject({ runs: 2, running: false, lastSummary: 2, lastError: null });
  });

  test('is never forgotten, also in the very moment in which a run ends', async () => {
    for (let moment = 0; moment < 60; moment += 1) {
      let runs = 0;
      const { scheduled } = work([
        {
          name: 'mediate',
          run: () => {
            runs += 1;
            return Promise.resolve({ did: true, summary: null });
          },
        },
      ]);
      await scheduled.start();
      await turns(moment);
      const before = runs;
      scheduled.wake('mediate');
      await settle();
      expect(runs, `woken ${moment} turns after the start`).toBeGreaterThan(before);
      await scheduled.stop();
    }
  });

  test('of what nobody knows is ignored, and so is one before the start and after the stop', async () => {
    const { task, begun, end } = gated();
    const { scheduled } = work([task]);
    scheduled.wake('mediate');
    await settle();
    expect(begun()).toBe(0);
    await scheduled.start();
    scheduled.wake('nothing');
    await settle();
    end();
    await scheduled.stop();
    scheduled.wake('mediate');
    await settle();
    expect(begun()).toBe(1);
  });

  test('goes on to what waits for the work, only where something was done', async () => {
    const did = { mediate: true };
    let rated = 0;
    const { scheduled } = work([
      { name: 'mediate', wakes: 'rate', run: () => Promise.resolve({ did: did.mediate, summary: null }) },
      {
        name: 'rate',
        run: () => {
          rated += 1;
          return Promise.resolve({ did: true, summary: null });
        },
      },
    ]);
    await scheduled.start();
    await settle();
    const first = rated;
    expect(await scheduled.runNow('mediate')).toMatchObject({ name: 'mediate', running: false });
    await settle();
    expect(rated).toBe(first + 1);
    did.mediate = false;
    await scheduled.runNow('mediate');
    await settle();
    expect(rated).toBe(first + 1);
  });

  test('asked for now, it is answered when it has run after that', async () => {
    const { task, begun, end } = gated();
    const { scheduled } = work([task]);
    await scheduled.start();
    await settle();
    let state: unknown = null;
    const asked = scheduled.runNow('mediate').then((found) => (state = found));
    end();
    await settle();
    // The run that was under way does not count: it may have looked before.
    expect([begun(), state]).toEqual([2, null]);
    end();
    await asked;
    expect(state).toMatchObject({ runs: 2, lastSummary: 2 });
    expect(await scheduled.runNow('nothing')).toBeNull();
  });
});

describe('a run', () => {
  test('that fails is told, and comes again at the next wake', async () => {
    let fails = true;
    const { scheduled, lines, leases } = work([
      {
        name: 'mediate',
        run: () =>
          fails
            ? Promise.reject(new WeirError('database_unreachable', 'The database is away.'))
            : Promise.resolve({ did: true, summary: 'mediated' }),
      },
    ]);
    await scheduled.start();
    await settle();
    expect(scheduled.states()[0]).toMatchObject({ runs: 0, lastError: 'The database is away. [database_unreachable]' });
    expect(lines.some((line) => line.includes('scheduled run failed'))).toBe(true);
    expect(leases.log).toEqual(['acquire billing-mediate', 'release billing-mediate']);
    fails = false;
    await scheduled.runNow('mediate');
    expect(scheduled.states()[0]).toMatchObject({ runs: 1, lastSummary: 'mediated', lastError: null });
  });

  test('that throws before it waits is the same', async () => {
    const { scheduled } = work([
      {
        name: 'mediate',
        run: () => {
          throw new Error('at once');
        },
      },
    ]);
    await scheduled.start();
    await settle();
    expect(scheduled.states()[0]).toMatchObject({ runs: 0, lastError: 'at once [unexpected]' });
  });

  test('is another process’s where that holds the lease', async () => {
    const { task, begun, end } = gated();
    const { scheduled, leases } = work([task]);
    leases.elsewhere = true;
    await scheduled.start();
    await settle();
    expect([begun(), scheduled.states()[0]?.runs]).toEqual([0, 0]);
    leases.elsewhere = false;
    scheduled.wake('mediate');
    await settle();
    expect(begun()).toBe(1);
    end();
  });

  test('keeps its lease as long as it takes, also over a database that is away for a while', async () => {
    const { task, end } = gated();
    const { scheduled, leases, clock, lines } = work([task]);
    await scheduled.start();
    await clock.advance(31_000);
    expect(leases.log).toEqual(['acquire billing-mediate', 'renew billing-mediate', 'renew billing-mediate']);
    leases.renewFails = true;
    await clock.advance(15_000);
    leases.renewFails = false;
    await clock.advance(15_000);
    expect(lines.filter((line) => line.includes('lease not renewed'))).toHaveLength(1);
    end();
    await settle();
    expect(leases.log.at(-1)).toBe('release billing-mediate');
    const renewed = leases.log.length;
    await clock.advance(10_000);
    expect(leases.log.slice(renewed).filter((line) => line.startsWith('renew'))).toEqual([]);
  });

  test('under way is waited for by the stop, and nothing begins after it; a start begins anew', async () => {
    const { task, begun, end } = gated();
    const { scheduled } = work([task]);
    await scheduled.start();
    await settle();
    scheduled.wake('mediate');
    let stopped = false;
    const stop = scheduled.stop().then(() => (stopped = true));
    await settle();
    expect(stopped).toBe(false);
    end();
    await stop;
    expect([begun(), scheduled.states()[0]?.running]).toEqual([1, false]);
    await scheduled.stop();
    await scheduled.start();
    await settle();
    expect(begun()).toBe(2);
    end();
  });
});

describe('a queue', () => {
  test('gets the schedules, and gets them again where it lost them', async () => {
    const { scheduled, queue, clock } = work([{ name: 'mediate' }, { name: 'rate', everyMs: 5_000 }]);
    await scheduled.start();
    await clock.advance(1);
    expect([...queue.schedules]).toEqual([
      ['mediate', 60_000],
      ['rate', 5_000],
    ]);
    queue.schedules.clear();
    await clock.advance(15_000);
    expect(queue.schedules.size).toBe(2);
  });

  test.each(['hangs', 'refuses'] as const)(
    'that is away at the start (%s): a timer wakes meanwhile, and the schedules are made when it comes',
    async (away) => {
      let runs = 0;
      const { scheduled, queue, clock } = work([
        {
          name: 'mediate',
          everyMs: 10_000,
          run: () => {
            runs += 1;
            return Promise.resolve({ did: true, summary: null });
          },
        },
      ]);
      queue.away = away;
      await scheduled.start();
      await clock.advance(1);
      expect(runs).toBe(1);
      await clock.advance(95_000);
      expect(runs).toBe(4);
      expect(scheduled.states()[0]?.fallbackWakes).toBe(3);
      queue.come();
      await clock.advance(15_000);
      expect(queue.schedules.get('mediate')).toBe(10_000);
    },
  );

  test('that dies later is the same', async () => {
    let runs = 0;
    const { scheduled, queue, clock } = work([
      {
        name: 'mediate',
        everyMs: 1000,
        run: () => {
          runs += 1;
          return Promise.resolve({ did: true, summary: null });
        },
      },
    ]);
    await scheduled.start();
    await clock.advance(1);
    queue.away = 'refuses';
    // Of a short interval not before five seconds: a queue may be late.
    await clock.advance(4_500);
    expect(runs).toBe(1);
    await clock.advance(20_000);
    expect(runs).toBeGreaterThan(3);
    queue.away = null;
    queue.schedules.clear();
    await clock.advance(15_000);
    expect(queue.schedules.has('mediate')).toBe(true);
  });

  test.each(['hangs', 'refuses'] as const)('that is away does not hold the stop (%s)', async (away) => {
    const { scheduled, queue } = work([{ name: 'mediate' }]);
    queue.away = away;
    await scheduled.start();
    await settle();
    await scheduled.stop();
  });

  test('that wakes in time needs no timer', async () => {
    const { scheduled, clock } = work([{ name: 'mediate', everyMs: 10_000 }]);
    await scheduled.start();
    for (let wakes = 0; wakes < 20; wakes += 1) {
      await clock.advance(10_000);
      scheduled.wake('mediate');
    }
    expect(scheduled.states()[0]?.fallbackWakes).toBe(0);
  });

  test('is waited for by what cannot work without it', async () => {
    let relayed = 0;
    const relay: Task = {
      name: 'relay',
      everyMs: 600_000,
      needsQueue: true,
      run: () => {
        relayed += 1;
        return Promise.resolve({ did: true, summary: null });
      },
    };
    const { scheduled, queue, clock } = work([relay]);
    queue.away = 'hangs';
    await scheduled.start();
    await clock.advance(30_000);
    expect(relayed).toBe(0);
    queue.come();
    await clock.advance(1);
    expect(relayed).toBe(1);
    // Once only: from then on it is woken as every other.
    await clock.advance(60_000);
    expect(relayed).toBe(1);
  });
});

describe('on a real database', () => {
  let server: TestDatabase;
  let leases: Leases;
  beforeAll(async () => {
    server = await startTestDatabase(20);
    await migrate(server.database, leaseMigrations);
    await server.database.query('create table public.effect (id int8 generated always as identity, holder text)');
    leases = new Leases(server.database);
  });
  afterAll(() => server.stop());

  const expire = (name: string): Promise<unknown> =>
    server.database.query('update weir.lease set expires_ms = 1 where name = $1', [name]);
  const effect = (lease: HeldLease, holder: string): Promise<void> =>
    server.database.transaction(async (connection) => {
      await lease.fence(connection);
      await connection.query('insert into public.effect (holder) values ($1)', [holder]);
    });
  async function effects(): Promise<string[]> {
    const { rows } = await server.database.query<{ holder: string }>('select holder from public.effect order by id');
    return rows.map((row) => row.holder);
  }

  test('two workers never run at once, however they are woken', async () => {
    let inside = 0;
    let most = 0;
    const runs: string[] = [];
    const worker = (holder: string): ScheduledWork => {
      const { scheduled } = work(
        [
          {
            name: 'shared',
            run: async (lease) => {
              inside += 1;
              most = Math.max(most, inside);
              runs.push(holder);
              await effect(lease, holder);
              await settle();
              inside -= 1;
              return { did: true, summary: null };
            },
          },
        ],
        { leases, holder, clock: new SystemClock() },
      );
      return scheduled;
    };
    const workers = ['a', 'b', 'c'].map(worker);
    await Promise.all(workers.map((one) => one.start()));
    for (let wakes = 0; wakes < 150; wakes += 1) {
      for (const one of workers) one.wake('shared');
      await settle();
    }
    await Promise.all(workers.map((one) => one.stop()));
    expect(most).toBe(1);
    expect(new Set(runs).size).toBeGreaterThan(1);
    expect(await effects()).toEqual(runs);
  });

  test('a lease that is lost in the middle stops the effects of its run, not those of the next holder', async () => {
    await server.database.query('delete from public.effect');
    const steps: string[] = [];
    const { scheduled } = work(
      [
        {
          name: 'long',
          run: async (lease) => {
            await effect(lease, 'old');
            await expire('billing-long');
            const next = await leases.acquire('billing-long', 'new', 60_000);
            if (next === null) throw new Error('not granted');
            steps.push('taken over');
            await effect({ ...lease, fence: (connection) => leases.assertHeld(connection, next) }, 'new');
            await effect(lease, 'old');
            steps.push('written by the old holder');
            return { did: true, summary: null };
          },
        },
      ],
      { leases, holder: 'old', clock: new SystemClock() },
    );
    await scheduled.start();
    while (scheduled.states()[0]?.lastFinishedAtMs === null) await settle();
    expect(scheduled.states()[0]?.runs).toBe(0);
    expect(scheduled.states()[0]?.lastError).toContain('[lease_lost]');
    expect(steps).toEqual(['taken over']);
    expect(await effects()).toEqual(['old', 'new']);
    // What the old one gives back is not the new one's.
    expect(await leases.acquire('billing-long', 'third', 60_000)).toBeNull();
  });

  test('a lease is free for the next as soon as its work has ended, well or badly', async () => {
    const { reporter } = silentReporter();
    const deps = { leases, clock: new SystemClock() };
    await underLease(reporter, deps, 'billing-short', 'a', () => Promise.resolve());
    await expect(
      underLease(reporter, deps, 'billing-short', 'b', () => Promise.reject(new Error('failed'))),
    ).rejects.toThrow('failed');
    expect(await underLease(reporter, deps, 'billing-short', 'c', () => Promise.resolve(7))).toEqual({ result: 7 });
  });

  test('work that waits for its lease runs when that is free, or says that it is held', async () => {
    const { reporter } = silentReporter();
    const clock = new SystemClock();
    const held = await leases.acquire('billing-wait', 'other', 60_000);
    if (held === null) throw new Error('not granted');
    let waited = 0;
    const wait = (waitMs: number, signal = new AbortController().signal): Promise<string> =>
      onceLeaseIsFree(
        reporter,
        { leases, clock, waitMs, signal, onWait: () => (waited += 1) },
        'billing-wait',
        'us',
        () => Promise.resolve('worked'),
      );
    await expect(wait(0)).rejects.toMatchObject({ code: 'run_elsewhere' });
    const gone = new AbortController();
    const aborted = wait(600_000, gone.signal);
    gone.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'run_elsewhere' });
    const before = waited;
    const waiting = wait(600_000);
    while (waited === before) await settle();
    await leases.release(held);
    expect(await waiting).toBe('worked');
    // Told once, however long it takes.
    expect(waited - before).toBe(1);
  });
});

describe('a cron', () => {
  const NINE = { pattern: '0 9 * * *', zone: 'Europe/Berlin' };

  test('is given to the queue as it is now, looked after by a timer, and its next time is told', async () => {
    let runs = 0;
    const run = (): Promise<{ did: boolean; summary: null }> => {
      runs += 1;
      return Promise.resolve({ did: false, summary: null });
    };
    const { scheduled, queue, clock } = work([{ name: 'bills', everyMs: 60_000, cron: NINE, run }]);
    queue.schedules.set('bills', { pattern: '0 8 * * *', zone: 'UTC' });
    await scheduled.start();
    await clock.advance(1000);
    expect(queue.schedules.get('bills')).toEqual(NINE);
    await clock.advance(180_000);
    expect(runs).toBeGreaterThanOrEqual(3);
    expect(scheduled.states()[0]).toMatchObject({ fallbackWakes: 0, cron: NINE, nextAtMs: 8 * 3_600_000 });
  });
});

test('how far a run is, is told while it runs and no longer', async () => {
  let end: () => void = () => undefined;
  const { scheduled } = work([
    {
      name: 'bills',
      run: async (_lease, progress) => {
        progress({ done: 3, of: 10, what: 'accounts' });
        await new Promise<void>((resolve) => (end = resolve));
        return { did: true, summary: null };
      },
    },
  ]);
  await scheduled.start();
  await settle();
  expect(scheduled.states()[0]?.progress).toEqual({ done: 3, of: 10, what: 'accounts', atMs: 0 });
  end();
  await settle();
  expect(scheduled.states()[0]?.progress).toBeNull();
});
