// Polls every device in its turn: due by its own phase, never twice at once, bounded in number, each on its own; takes changes while it runs.
import type { Watermark } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import {
  type DeviceExplanation,
  type DeviceNotice,
  type DeviceReport,
  pollHealth,
  type SchedulerSummary,
} from './explanation.ts';
import { Confirmations } from './confirmations.ts';
import { Deadlines } from './deadlines.ts';
import type { LearntFile, LearntOfDevice } from './learnt-file.ts';
import { pollMetrics, type PollMetrics } from './poll-metrics.ts';
import {
  type DeviceChanges,
  PolledDevice,
  sameDevice,
  type ScheduledDevice,
  type VisitConfig,
  type VisitDeps,
} from './polled-device.ts';
import { firstWait, nextTurn, phaseOf } from './timetable.ts';
import { learntOf, Turn } from './turn.ts';
import { type PlacesOf, type Taken, TurnQueue } from './turn-queue.ts';

/** Where polls go. Resolves once the poll is held durably, so that a full spool slows the devices down and not the memory. */
export interface PollSink {
  accept(poll: Poll, watermark: Watermark): Promise<void>;
}

export interface SchedulerConfig extends VisitConfig {
  /** At the start; `configure` changes them. */
  readonly devices: readonly ScheduledDevice[];
  /** Devices polled at the same time. */
  readonly concurrency: number;
  /** After a start, and after it was added, every device is polled within this time. */
  readonly firstPollWithinMs: DurationMs;
}

export interface SchedulerDeps extends VisitDeps {
  readonly sink: PollSink;
  /** What earlier lives learnt; without it each life learns anew. */
  readonly learnt?: LearntFile;
  readonly notice?: (notice: DeviceNotice) => void;
  /** Absent: no line has a bound. */
  readonly placesOf?: PlacesOf;
}

/** The longest sleep, so that a stop or a stepped clock is noticed. */
const MOST_SLEEP_MS = 1000;
/** A poll ends this much before its next is due. */
const DEADLINE_MARGIN_MS = 100;
/** A poll that was asked for comes no sooner after the last one. */
const SPACING_MS = 5000;
/** Polls asked for and not begun. */
const MOST_ASKED = 1000;
const SAVE_EVERY_MS = 300_000;
/** A reason made once: an error for each abort would cost more than the poll's own bookkeeping. */
const OVER = 'poll over';

export class Scheduler implements Component {
  readonly #reporter: Reporter;
  readonly #config: SchedulerConfig;
  readonly #deps: SchedulerDeps;
  readonly #metrics: PollMetrics;
  readonly #turns = new Map<string, Turn>();
  readonly #queue: TurnQueue;
  readonly #running = new Set<Promise<void>>();
  /** Of the polls under way. */
  readonly #deadlines: Deadlines;
  readonly #confirmations: Confirmations;
  #devices: readonly ScheduledDevice[];
  #learnt: ReadonlyMap<string, LearntOfDevice> = new Map();
  #stopping = new AbortController();
  /** Ends the sleep until the next device is due. */
  #nap = new AbortController();
  /** Tells the loop that fewer polls are under way. */
  #onFree: (() => void) | null = null;
  #loop: Promise<void> | null = null;
  #silent = 0;
  #asked = 0;
  #nextSaveMs = 0;
  /** Why the last poll could not be handed on; null where it was. */
  #lossCode: string | null = null;

  constructor(reporter: Reporter, config: SchedulerConfig, deps: SchedulerDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#devices = config.devices;
    this.#queue = new TurnQueue(config.concurrency, deps.placesOf);
    this.#deadlines = new Deadlines(deps.clock);
    this.#confirmations = new Confirmations(reporter, config.concurrency);
    this.#metrics = pollMetrics(reporter);
    reporter.health('poll', () => pollHealth(this.summary(), this.#loop !== null, this.#lossCode));
  }

  start(): Promise<void> {
    if (this.#loop !== null) return Promise.resolve();
    this.#stopping = new AbortController();
    this.#silent = 0;
    this.#learnt = this.#deps.learnt?.read() ?? new Map();
    this.#nextSaveMs = this.#deps.clock.monotonicMs() + SAVE_EVERY_MS;
    for (const device of this.#devices) this.#add(device);
    this.#metrics.devices.set(this.#turns.size);
    this.#loop = this.#run();
    return Promise.resolve();
  }

  /** Lets polls under way come to their next packet, hands on what they have, and waits for it. */
  async stop(): Promise<void> {
    if (this.#loop === null) return;
    this.#stopping.abort(OVER);
    this.#nap.abort(OVER);
    this.#deadlines.endAll();
    await this.#loop;
    this.#loop = null;
    this.#save();
    this.#queue.clear();
    this.#confirmations.clear();
    for (const turn of this.#turns.values()) {
      this.#giveUp(turn, new WeirError('not_ready', 'The agent stops.'));
      turn.polled.close();
    }
    this.#turns.clear();
  }

  /**
   * Takes a new list of devices. New ones get their phase; those that are gone end, after the poll in hand; where interval or access changed
   * only that device is touched, also after the poll in hand; all others keep state, session and due time.
   */
  configure(devices: readonly ScheduledDevice[]): DeviceChanges {
    this.#devices = devices;
    const wanted = new Map(devices.map((device) => [device.name, device]));
    const changes = { added: [] as string[], removed: [] as string[], changed: [] as string[] };
    if (this.#loop === null) return changes;
    for (const turn of this.#turns.values()) {
      const device = wanted.get(turn.polled.name);
      const before = turn.wanted;
      if (device !== undefined && before !== null && sameDevice(device, before)) continue;
      if (device !== undefined) changes[before === null ? 'added' : 'changed'].push(device.name);
      else if (before !== null) changes.removed.push(turn.polled.name);
      turn.wanted = device ?? null;
      if (turn.running === null) this.#settle(turn);
    }
    for (const device of wanted.values()) {
      if (this.#turns.has(device.name)) continue;
      changes.added.push(device.name);
      this.#add(device);
    }
    this.#metrics.devices.set(this.#turns.size);
    this.#nap.abort(OVER);
    return changes;
  }

  /**
   * Polls a device now, also one that is silent: joins a poll in hand or asked for, comes no sooner than 5 s after the last began, and leaves the
   * device's own places where they are. device_unknown, poll_queue_full, not_ready.
   */
  pollNow(device: string): Promise<Poll> {
    const turn = this.#turns.get(device);
    if (this.#loop === null || this.#stopping.signal.aborted)
      return Promise.reject(new WeirError('not_ready', 'The agent does not poll.'));
    if (turn === undefined || turn.wanted === null)
      return Promise.reject(new WeirError('device_unknown', `There is no device called ${device}.`, { device }));
    if (turn.running !== null) return turn.running;
    if (turn.asked !== null) return turn.asked.promise;
    if (this.#asked >= MOST_ASKED)
      return Promise.reject(new WeirError('poll_queue_full', 'Too many polls are asked for.', { most: MOST_ASKED }));
    this.#asked += 1;
    const promise = turn.ask();
    const dueMs = Math.max(this.#deps.clock.monotonicMs(), turn.startedMs + SPACING_MS);
    if (dueMs < turn.nextDueMs && this.#queue.remove(turn)) {
      this.#queue.push(dueMs, turn);
      this.#nap.abort(OVER);
    }
    return promise;
  }

  reports(): DeviceReport[] {
    return [...this.#turns.values()].map((turn) => turn.polled.report(this.#dueInMs(turn)));
  }

  /** Everything that can be said of a device's last poll and its next; null for a device that is not polled here. */
  explain(device: string): DeviceExplanation | null {
    const turn = this.#turns.get(device);
    return turn?.polled.explain(this.#dueInMs(turn)) ?? null;
  }

  /** What an ifIndex of a device stands for now; null where polling does not know. */
  interfaceKeyAt(device: string, ifIndex: number): string | null {
    return this.#turns.get(device)?.polled.interfaceKeyAt(ifIndex) ?? null;
  }

  summary(): SchedulerSummary {
    return {
      devices: this.#turns.size,
      silent: this.#silent,
      polling: this.#running.size,
      asked: this.#asked,
      ...this.#queue.summary(this.#deps.clock.monotonicMs()),
    };
  }

  #add(device: ScheduledDevice): void {
    const learnt = this.#learnt.get(device.name) ?? null;
    const turn = new Turn(new PolledDevice(this.#reporter, device, learnt, this.#config, this.#deps), device);
    this.#turns.set(device.name, turn);
    this.#queueFirst(turn, device);
  }

  #queueFirst(turn: Turn, { name, intervalMs }: ScheduledDevice): void {
    const waitMs = firstWait(name, intervalMs, this.#config.firstPollWithinMs);
    turn.nextDueMs = this.#deps.clock.monotonicMs() + waitMs;
    this.#queue.push(turn.nextDueMs, turn);
  }

  /** Brings a device that is not being polled to what is wanted of it. */
  #settle(turn: Turn): void {
    const { polled, wanted } = turn;
    this.#queue.remove(turn);
    this.#confirmations.ended(turn);
    const wasSilent = polled.silent;
    if (wanted === null) {
      this.#giveUp(turn, new WeirError('device_unknown', 'The device was removed.', { device: polled.name }));
      polled.close();
      this.#turns.delete(polled.name);
    } else {
      polled.change(wanted);
      turn.device = wanted;
      this.#queueFirst(turn, wanted);
    }
    if (wasSilent && (wanted === null || !polled.silent)) this.#countSilent(-1);
    this.#metrics.devices.set(this.#turns.size);
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (this.#running.size >= this.#config.concurrency) {
        // Not Promise.race: that would leave a reaction on every poll under way, for each that ends.
        await new Promise<void>((resolve) => (this.#onFree = resolve));
        continue;
      }
      const nowMs = clock.monotonicMs();
      const taken = this.#queue.take(nowMs);
      if (taken !== null) {
        this.#begin(taken);
        continue;
      }
      if (nowMs >= this.#nextSaveMs) this.#save();
      this.#nap = new AbortController();
      const dueMs = this.#queue.nextDueMs() ?? Number.POSITIVE_INFINITY;
      await clock.sleep(Math.min(MOST_SLEEP_MS, dueMs - nowMs), this.#nap.signal);
    }
    await Promise.all(this.#running);
  }

  #begin(taken: Taken): void {
    const { turn, lateMs } = taken;
    this.#metrics.lateness.observe(lateMs / 1000);
    if (turn.asked !== null) this.#asked -= 1;
    const running = turn.begin(this.#deps.clock.monotonicMs(), (beside) => this.#poll(turn, beside));
    const ended = running.then(() => {
      this.#queue.ended(taken);
      this.#running.delete(ended);
      this.#onFree?.();
      this.#metrics.running.set(this.#running.size);
      if (this.#queue.freed || this.#queue.nextDueMs() === turn.dueMs) this.#nap.abort(OVER);
    });
    this.#running.add(ended);
    this.#metrics.running.set(this.#running.size);
  }

  /** One device's turn, or a poll beside its turns, and the next one put into the queue whatever happens. */
  async #poll(turn: Turn, beside: boolean): Promise<Poll> {
    const { polled, startedMs } = turn;
    const poll = await this.#visit(turn, beside);
    const broken = this.#stopping.signal.aborted && poll.outcome === 'failed';
    // Silence of a device whose poll was broken off by our stop says nothing.
    if (!broken) {
      this.#tellJudgement(poll, polled.judge(poll, startedMs));
      const notice = beside ? null : polled.watchRefresh();
      if (notice !== null) this.#deps.notice?.(notice);
    }
    this.#metrics.count(poll);
    if (!broken) await this.#handOn(poll);
    turn.running = null;
    if (turn.wanted !== null && sameDevice(turn.wanted, turn.device)) this.#queueNext(turn, beside);
    else this.#settle(turn);
    return poll;
  }

  #queueNext(turn: Turn, beside: boolean): void {
    const { clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    // What came beside the device's own places leaves them where they are.
    if (!beside || turn.nextDueMs <= nowMs) {
      const { intervalMs, name } = turn.polled;
      const { waitMs, skipped } = nextTurn(clock.now(), nowMs - turn.startedMs, intervalMs, phaseOf(name, intervalMs));
      if (skipped > 0) this.#metrics.skipped.add(skipped);
      turn.nextDueMs = nowMs + waitMs;
    }
    this.#confirmations.consider(turn, nowMs);
    this.#queue.push(turn.dueMs, turn);
  }

  async #visit(turn: Turn, beside: boolean): Promise<Poll> {
    const deadline = this.#deadlines.start(Math.max(1000, turn.polled.intervalMs - DEADLINE_MARGIN_MS));
    try {
      return await turn.polled.visit(beside, deadline.signal);
    } finally {
      deadline.end();
    }
  }

  /** A poll that could not be handed on is lost to us but not to the bill: counters accumulate, the next one spans it. */
  async #handOn(poll: Poll): Promise<void> {
    try {
      await this.#deps.sink.accept(poll, { device: poll.device, completeUntilMs: poll.finishedAtMs });
      this.#lossCode = null;
    } catch (error) {
      const code = codeOf(error);
      this.#lossCode = code;
      this.#metrics.lost.add(1, { code });
      this.#reporter.error('poll not handed on', { device: poll.device, code, error: messageOf(error) });
    }
  }

  #tellJudgement(poll: Poll, judgement: 'silent' | 'answers' | null): void {
    if (judgement === null) return;
    const message = judgement === 'answers' ? 'device answers again' : 'device does not answer; probing it from now on';
    this.#reporter.info(message, { device: poll.device, failure: poll.failure });
    this.#countSilent(judgement === 'answers' ? -1 : 1);
  }

  #countSilent(step: number): void {
    this.#silent += step;
    this.#metrics.silent.set(this.#silent);
  }

  #giveUp(turn: Turn, error: WeirError): void {
    if (turn.giveUp(error)) this.#asked -= 1;
  }

  #save(): void {
    this.#nextSaveMs = this.#deps.clock.monotonicMs() + SAVE_EVERY_MS;
    this.#learnt = learntOf(this.#turns.values());
    this.#deps.learnt?.write(this.#learnt);
  }

  #dueInMs(turn: Turn): number {
    return Math.round(turn.dueMs - this.#deps.clock.monotonicMs());
  }
}
