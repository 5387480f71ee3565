// What every place that keeps the queue must do: wake, carry each job once, tell where a job is, and come back from a loss, an absence, or a late arrival.
import { Queue, UnrecoverableError } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { accountMigrations } from '../../billing-bridge/account/migrations.ts';
import type { BackendWorker, BullMqBackend } from '../../billing-bridge/queue/bullmq-backend.ts';
import { BullMqWorkQueue } from '../../billing-bridge/queue/bullmq-work-queue.ts';
import { OutboxRelay, putIntoOutbox, queueMigrations } from '../../billing-bridge/queue/outbox.ts';
import { ScheduledWork } from '../../billing-bridge/queue/scheduled-work.ts';
import { type CarriedJob, CHARGES_QUEUE, WAKE_QUEUE } from '../../billing-bridge/queue/work-queue.ts';
import { nextDue, parseCron } from '../../common/model/cron.ts';
import { Leases, leaseMigrations } from '../../common/database/lease.ts';
import { migrate } from '../../common/database/migrate.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { waitFor } from '../support/weir-process.ts';

/** A server that keeps queues, in the test's hand. */
export interface QueueServer {
  readonly backend: BullMqBackend;
  /** Forgets every job and every schedule, as a server that lost its data. */
  empty(): Promise<void>;
  /** Goes away without a word. */
  away(): Promise<void>;
  /** Comes back with what it had. */
  back(): Promise<void>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 60_000;
const SLOW = { timeout: 150_000 };
const CHECK_MS = 60_000;

export function workQueueConformance(make: () => Promise<QueueServer>): void {
  let server: QueueServer;
  let ledger: TestDatabase;
  const queues: BullMqWorkQueue[] = [];
  const consumers: BackendWorker[] = [];
  const works: ScheduledWork[] = [];

  beforeAll(async () => {
    [server, ledger] = await Promise.all([make(), startTestDatabase(20)]);
    await migrate(ledger.database, [...leaseMigrations, ...accountMigrations, ...queueMigrations]);
  }, 120_000);
  afterAll(async () => {
    await server.stop();
    await ledger.stop();
  });
  beforeEach(async () => {
    await ledger.database.query('truncate billing.outbox');
    // The schema is there from the first start on.
    const queue = queueWith(() => undefined);
    await queue.start();
    await queue.stop();
    await server.empty();
  }, 60_000);
  afterEach(async () => {
    await Promise.all(works.splice(0).map((one) => one.stop()));
    await Promise.all(consumers.splice(0).map((one) => one.close()));
    await Promise.all(queues.splice(0).map((one) => one.stop()));
  }, 60_000);

  function queueWith(onWake: (name: string) => void): BullMqWorkQueue {
    const queue = new BullMqWorkQueue(silentReporter().reporter, { backend: server.backend, onWake });
    queues.push(queue);
    return queue;
  }

  async function started(onWake: (name: string) => void = () => undefined): Promise<BullMqWorkQueue> {
    const queue = queueWith(onWake);
    await queue.start();
    return queue;
  }

  /** What an operator's billing system does: takes jobs, by their name. */
  async function consumer(process: (jobName: string) => Promise<void>): Promise<BackendWorker> {
    const worker = server.backend.worker(CHARGES_QUEUE, process);
    worker.on('error', () => undefined);
    consumers.push(worker);
    await worker.waitUntilReady();
    void worker.run();
    return worker;
  }

  const jobs = (...ids: string[]): CarriedJob[] => ids.map((id) => ({ id, name: `name of ${id}`, data: { id } }));
  const eventually = (condition: () => boolean | Promise<boolean>, what: string): Promise<void> =>
    waitFor(condition, PATIENCE_MS, () => what);

  async function put(...ids: string[]): Promise<void> {
    await ledger.database.transaction((connection) => putIntoOutbox(connection, jobs(...ids), 0));
  }

  function relayOn(queue: BullMqWorkQueue, clock: VirtualClock): OutboxRelay {
    const config = { maxBacklog: 10_000, checkEveryMs: CHECK_MS, keepDoneMs: 7 * 86_400_000 };
    return new OutboxRelay(silentReporter().reporter, config, { database: ledger.database, queue, clock });
  }

  const noFence = (): Promise<void> => Promise.resolve();

  describe('schedules', () => {
    test('wake again and again; made twice, they are there once', SLOW, async () => {
      const woken: string[] = [];
      const queue = await started((name) => woken.push(name));
      expect(await queue.scheduled('often')).toBe(false);
      await queue.schedule('often', 500);
      await queue.schedule('often', 500);
      await queue.schedule('rarely', 3_600_000);
      expect([await queue.scheduled('often'), await queue.scheduled('never')]).toEqual([true, false]);
      await eventually(() => woken.filter((name) => name === 'often').length >= 4, 'four wakes');
      // A schedule wakes when it is made, and then once an hour: twice where two were made.
      expect(woken.filter((name) => name === 'rarely').length).toBeLessThanOrEqual(1);
    });

    test('a wake that fails to do anything is a wake all the same', SLOW, async () => {
      let woken = 0;
      const queue = await started(() => {
        woken += 1;
        if (woken < 3) throw new Error('not now');
      });
      await queue.schedule('often', 300);
      await eventually(() => woken >= 5, 'five wakes');
    });

    test('by cron in a zone wake at their times; another one of the same name takes its place', SLOW, async () => {
      const woken: string[] = [];
      const queue = await started((name) => woken.push(name));
      await queue.schedule('cron', { pattern: '0 6 1 1 *', zone: 'Europe/Berlin' });
      expect(await queue.scheduled('cron')).toBe(true);
      const asking = server.backend.queue(WAKE_QUEUE);
      const next = await asking.getJobScheduler('cron');
      await asking.close();
      const cron = parseCron('0 6 1 1 *');
      expect(next?.next).toBe(cron === null ? null : nextDue(cron, 'Europe/Berlin', Date.now()));
      // Six fields begin with seconds there: what the test has no patience for otherwise.
      await queue.schedule('cron', { pattern: '* * * * * *', zone: 'America/Chicago' });
      await eventually(() => woken.length >= 2, 'two wakes');
    });

    test('each wake reaches one of those that listen', SLOW, async () => {
      const woken = [0, 0];
      const [one] = await Promise.all([
        started(() => (woken[0] = (woken[0] ?? 0) + 1)),
        started(() => (woken[1] = (woken[1] ?? 0) + 1)),
      ]);
      await one.schedule('often', 300);
      await eventually(() => (woken[0] ?? 0) + (woken[1] ?? 0) >= 6, 'six wakes');
    });

    test('outlive who made them', SLOW, async () => {
      const first = await started();
      await first.schedule('often', 300);
      await first.stop();
      let woken = 0;
      const second = await started(() => (woken += 1));
      expect(await second.scheduled('often')).toBe(true);
      await eventually(() => woken >= 2, 'two wakes');
    });

    test('outlive a process that was killed in the middle of a wake', { timeout: 200_000 }, async () => {
      const queue = await started();
      await queue.schedule('often', 300);
      // As a process that is gone: it has the wake in hand, and never ends it.
      let inHand = 0;
      const worker = server.backend.worker(WAKE_QUEUE, () => {
        inHand += 1;
        return new Promise(() => undefined);
      });
      worker.on('error', () => undefined);
      await worker.waitUntilReady();
      void worker.run();
      await queue.stop();
      await eventually(() => inHand > 0, 'a wake in hand');
      await worker.close(true);
      let woken = 0;
      await started(() => (woken += 1));
      await waitFor(
        () => woken >= 3,
        150_000,
        () => 'three wakes',
      );
    });

    test('that are lost can be made again, and wake again', SLOW, async () => {
      let woken = 0;
      const queue = await started(() => (woken += 1));
      await queue.schedule('often', 300);
      await eventually(() => woken >= 2, 'two wakes');
      await server.empty();
      expect(await queue.scheduled('often')).toBe(false);
      const before = woken;
      await queue.schedule('often', 300);
      await eventually(() => woken >= before + 2, 'two more wakes');
    });
  });

  describe('jobs', () => {
    test('delivered twice under one id are one; their states and the backlog are told', SLOW, async () => {
      const queue = await started();
      await queue.deliver(jobs('a', 'b'));
      await queue.deliver(jobs('b', 'c', 'c'));
      expect(await queue.backlog()).toBe(3);
      expect([...(await queue.stateOf(['a', 'b', 'c', 'd']))]).toEqual([
        ['a', 'waiting'],
        ['b', 'waiting'],
        ['c', 'waiting'],
        ['d', 'gone'],
      ]);
      const seen: string[] = [];
      await consumer((name) => {
        seen.push(name);
        return name === 'name of b' ? Promise.reject(new UnrecoverableError('refused')) : Promise.resolve();
      });
      await eventually(async () => (await queue.backlog()) === 0, 'an empty backlog');
      expect(seen.toSorted()).toEqual(['name of a', 'name of b', 'name of c']);
      await eventually(async () => (await queue.stateOf(['c'])).get('c') === 'done', 'c to be done');
      expect([...(await queue.stateOf(['a', 'b', 'c']))]).toEqual([
        ['a', 'done'],
        ['b', 'failed'],
        ['c', 'done'],
      ]);
      // Done is known too: it is not carried again.
      await queue.deliver(jobs('a', 'b', 'c'));
      expect(await queue.backlog()).toBe(0);
      expect(seen).toHaveLength(3);
    });

    test('that were given up are told, and come back when they are wanted', SLOW, async () => {
      const queue = await started();
      expect(await queue.deadLetters(10)).toEqual({ items: [], all: 0 });
      await queue.deliver(jobs('a', 'b', 'c'));
      let refused = 0;
      let refusing = true;
      await consumer((name) => {
        if (name === 'name of c' || !refusing) return Promise.resolve();
        refused += 1;
        return Promise.reject(new UnrecoverableError(`no ${name}`));
      });
      await eventually(async () => (await queue.deadLetters(10)).all === 2, 'two dead letters');
      const { items } = await queue.deadLetters(10);
      expect(items.map(({ id, reason }) => `${id}: ${reason}`).toSorted()).toEqual([
        'a: no name of a',
        'b: no name of b',
      ]);
      expect(items.every(({ failedAtMs }) => failedAtMs !== null && failedAtMs > 0)).toBe(true);
      expect((await queue.deadLetters(1)).items).toHaveLength(1);
      expect([await queue.retry('c'), await queue.retry('nobody')]).toEqual([false, false]);
      refusing = false;
      expect(await queue.retry('a')).toBe(true);
      await eventually(async () => (await queue.stateOf(['a'])).get('a') === 'done', 'a to be done');
      expect((await queue.deadLetters(10)).items.map(({ id }) => id)).toEqual(['b']);
      expect(await queue.retry('a')).toBe(false);
      expect(refused).toBe(2);
    });

    test('that are being worked on wait; one that fails comes again', SLOW, async () => {
      const queue = await started();
      await queue.deliver(jobs('a'));
      let tries = 0;
      let finish = (): void => undefined;
      await consumer(async () => {
        tries += 1;
        if (tries === 1) throw new Error('the ledger is away');
        await new Promise<void>((resolve) => (finish = resolve));
      });
      await eventually(() => tries === 2, 'a second try');
      expect((await queue.stateOf(['a'])).get('a')).toBe('waiting');
      expect(await queue.backlog()).toBe(1);
      finish();
      await eventually(async () => (await queue.stateOf(['a'])).get('a') === 'done', 'a to be done');
    });

    test('none at all', async () => {
      const queue = await started();
      await queue.deliver([]);
      expect([await queue.backlog(), (await queue.stateOf([])).size]).toEqual([0, 0]);
    });

    test('carry their data as it was, above what a number holds too', SLOW, async () => {
      const queue = await started();
      const data = {
        amount: '1/3',
        octets: '18446744073709551615',
        text: 'Zürich \u{1f30a} "\\',
        list: [1, null, { a: [] }],
      };
      await queue.deliver([{ id: 'charges-1-2-acme', name: 'rated-charges', data }]);
      const reader = server.backend.queue(CHARGES_QUEUE);
      try {
        if (!(reader instanceof Queue)) throw new Error('not a queue of BullMQ');
        const job: { readonly data: unknown } | undefined = await reader.getJob('charges-1-2-acme');
        expect(job?.data).toEqual(data);
      } finally {
        await reader.close();
      }
    });

    test('delivered by many at once are each there once', SLOW, async () => {
      const all = await Promise.all([started(), started(), started()]);
      const ids = Array.from({ length: 200 }, (_, at) => `job-${at}`);
      await Promise.all(all.map((queue) => queue.deliver(jobs(...ids))));
      expect(await all[0]?.backlog()).toBe(200);
    });
  });

  describe('the relay', () => {
    test('delivers again what the queue lost, and each job is worked on', SLOW, async () => {
      const queue = await started();
      const clock = new VirtualClock(1_000_000);
      const relay = relayOn(queue, clock);
      const ids = Array.from({ length: 40 }, (_, at) => `charges-1-${at}-acme`);
      await put(...ids);
      expect(await relay.run(noFence)).toMatchObject({ delivered: 40, lost: 0 });
      await server.empty();
      await clock.advance(CHECK_MS);
      expect(await relay.run(noFence)).toMatchObject({ delivered: 40, lost: 40, done: 0 });
      const seen = new Map<string, number>();
      await consumer((name) => {
        seen.set(name, (seen.get(name) ?? 0) + 1);
        return Promise.resolve();
      });
      await eventually(async () => (await queue.backlog()) === 0 && seen.size === 40, 'all jobs');
      await eventually(
        async () => [...(await queue.stateOf(ids)).values()].every((state) => state === 'done'),
        'all jobs to be done',
      );
      await clock.advance(CHECK_MS);
      expect(await relay.run(noFence)).toEqual({ delivered: 0, lost: 0, done: 40 });
      expect([...seen.values()].every((times) => times === 1)).toBe(true);
    });

    test('goes on where the queue was away', SLOW, async () => {
      const queue = await started();
      const clock = new VirtualClock(1_000_000);
      const relay = relayOn(queue, clock);
      await put('a');
      expect(await relay.run(noFence)).toMatchObject({ delivered: 1 });
      await put('b');
      await server.away();
      await expect(relay.run(noFence)).rejects.toThrow();
      await server.back();
      let delivered = 0;
      await eventually(async () => {
        const found = await relay.run(noFence).catch(() => null);
        delivered += found?.delivered ?? 0;
        return delivered === 1;
      }, 'the relay to deliver');
      expect([...(await queue.stateOf(['a', 'b'])).values()]).toEqual(['waiting', 'waiting']);
      await clock.advance(CHECK_MS);
      expect(await relay.run(noFence)).toEqual({ delivered: 0, lost: 0, done: 0 });
    });
  });

  describe('a server that is away', () => {
    test('while it wakes, wakes again when it is back', SLOW, async () => {
      let woken = 0;
      const queue = await started(() => (woken += 1));
      await queue.schedule('often', 300);
      await eventually(() => woken >= 2, 'two wakes');
      await server.away();
      await server.back();
      const before = woken;
      await eventually(() => woken >= before + 2, 'two wakes after it came back');
      await eventually(() => queue.scheduled('often').catch(() => false), 'an answer');
    });

    test('refuses what is asked of it, and does not hold the stop', SLOW, async () => {
      const queue = await started();
      await server.away();
      try {
        await expect(queue.deliver(jobs('a'))).rejects.toThrow();
        await expect(queue.stateOf(['a'])).rejects.toThrow();
        await expect(queue.backlog()).rejects.toThrow();
        await queue.stop();
      } finally {
        await server.back();
      }
    });

    test('at the start does not hold the stop', SLOW, async () => {
      await server.away();
      try {
        const queue = queueWith(() => undefined);
        const starting = queue.start().then(
          () => 'started',
          () => 'refused',
        );
        await new Promise((resolve) => setTimeout(resolve, 200));
        await queue.stop();
        expect(await starting).toBe('refused');
      } finally {
        await server.back();
      }
    });

    test('at the start: a timer wakes; when it comes it gets the schedules, and wakes itself', SLOW, async () => {
      await server.away();
      let runs = 0;
      let woken = 0;
      let work: ScheduledWork | null = null;
      const queue = queueWith((name) => {
        woken += 1;
        work?.wake(name);
      });
      work = new ScheduledWork(
        silentReporter().reporter,
        [{ name: 'mediate', everyMs: 1000, run: () => Promise.resolve({ did: (runs += 1) > 0, summary: runs }) }],
        { queue, leases: new Leases(ledger.database), clock: new SystemClock(), holder: 'test' },
      );
      works.push(work);
      await work.start();
      try {
        await eventually(() => work?.states()[0]?.fallbackWakes === 1 && runs >= 2, 'the timer to wake');
        expect(woken).toBe(0);
      } finally {
        await server.back();
      }
      await eventually(() => woken >= 2, 'the queue to wake');
      expect(await queue.scheduled('mediate')).toBe(true);
    });
  });
}
