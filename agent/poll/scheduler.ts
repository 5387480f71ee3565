// Polls every device in its turn: due by its own phase, never twice at once, bounded in number, each on its own.
import type { Watermark } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ProfileCatalogue } from '../profile/profile.ts';
import type { DeviceReader } from '../snmp/table-reader.ts';
import { afterFailure, type Breaker, CLOSED, decide, isOpen } from './breaker.ts';
import { DeviceState } from './device-state.ts';
import { pollDevice } from './poll-device.ts';
import { pollMetrics, type PollMetrics } from './poll-metrics.ts';
import { DueQueue, firstWait, phaseOf, waitUntilNext } from './timetable.ts';

/** Where polls go. Resolves once the poll is held durably, so that a full spool slows the devices down and not the memory. */
export interface PollSink {
  accept(poll: Poll, watermark: Watermark): Promise<void>;
}

export interface ScheduledDevice {
  readonly name: string;
  readonly intervalMs: DurationMs;
}

export interface SchedulerConfig {
  readonly devices: readonly ScheduledDevice[];
  /** Devices polled at the same time. */
  readonly concurrency: number;
  readonly slowIntervalMs: DurationMs;
  readonly inventoryIntervalMs: DurationMs;
  /** After a start every device is polled within this time. */
  readonly firstPollWithinMs: DurationMs;
  readonly processId: string;
}

export interface SchedulerDeps {
  readonly clock: Clock;
  readonly catalogue: ProfileCatalogue;
  readonly sink: PollSink;
  /** Opens the device's session at its first poll; it is kept. */
  open(device: string): DeviceReader;
}

/** What the agent can say of a device: why it looks as it does and what comes next. */
export interface DeviceReport {
  readonly device: string;
  readonly intervalMs: DurationMs;
  readonly profile: string | null;
  readonly lastPollAtMs: number | null;
  readonly lastOutcome: string | null;
  readonly failure: string | null;
  readonly requests: number;
  readonly retries: number;
  readonly durationMs: number;
  readonly breakerOpen: boolean;
  readonly nextDueInMs: number | null;
  readonly interfaces: number;
  /** Repetitions are bounded by this after silence or tooBig; the walk of the interface table. */
  readonly repetitionCeiling: number | null;
  readonly bytesPerRow: number | null;
}

interface Entry {
  readonly device: ScheduledDevice;
  readonly state: DeviceState;
  reader: DeviceReader | null;
  breaker: Breaker;
  last: Omit<Poll, 'tables'> | null;
  nextDueMs: number;
}

/** The longest sleep, so that a stop or a stepped clock is noticed. */
const MOST_SLEEP_MS = 1000;
/** A poll ends this much before its next is due. */
const DEADLINE_MARGIN_MS = 100;

export class Scheduler implements Component {
  readonly #reporter: Reporter;
  readonly #config: SchedulerConfig;
  readonly #deps: SchedulerDeps;
  readonly #metrics: PollMetrics;
  readonly #entries = new Map<string, Entry>();
  readonly #due = new DueQueue<Entry>();
  readonly #running = new Set<Promise<void>>();
  #stopping = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(reporter: Reporter, config: SchedulerConfig, deps: SchedulerDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#metrics = pollMetrics(reporter);
  }

  start(): Promise<void> {
    if (this.#loop !== null) return Promise.resolve();
    this.#stopping = new AbortController();
    const nowMs = this.#deps.clock.monotonicMs();
    for (const device of this.#config.devices) {
      const nextDueMs = nowMs + firstWait(device.name, device.intervalMs, this.#config.firstPollWithinMs);
      const entry = { device, state: new DeviceState(), reader: null, breaker: CLOSED, last: null, nextDueMs };
      this.#entries.set(device.name, entry);
      this.#due.push(nextDueMs, entry);
    }
    this.#metrics.devices.set(this.#entries.size);
    this.#loop = this.#run();
    return Promise.resolve();
  }

  /** Lets polls under way come to their next packet, hands on what they have, and waits for it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    this.#loop = null;
    while (this.#due.pop() !== null);
    this.#entries.clear();
  }

  reports(): DeviceReport[] {
    return [...this.#entries.values()].map((entry) => this.#reportOf(entry));
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const dueMs = this.#due.nextDueMs();
      const nowMs = clock.monotonicMs();
      if (dueMs === null || dueMs > nowMs) {
        await clock.sleep(Math.min(MOST_SLEEP_MS, (dueMs ?? Number.POSITIVE_INFINITY) - nowMs), signal);
        continue;
      }
      if (this.#running.size >= this.#config.concurrency) {
        await Promise.race(this.#running);
        continue;
      }
      const entry = this.#due.pop();
      if (entry === null) continue;
      this.#metrics.lateness.observe((nowMs - dueMs) / 1000);
      const turn = this.#turn(entry).finally(() => this.#running.delete(turn));
      this.#running.add(turn);
      this.#metrics.running.set(this.#running.size);
    }
    await Promise.all(this.#running);
  }

  /** One device's turn, and its next one put into the queue whatever happens. */
  async #turn(entry: Entry): Promise<void> {
    const { clock } = this.#deps;
    try {
      const poll = await this.#visit(entry);
      const { tables: _, ...last } = poll;
      entry.last = last;
      this.#metrics.count(poll);
      if (!this.#stopping.signal.aborted || poll.outcome !== 'failed') {
        await this.#deps.sink.accept(poll, { device: poll.device, completeUntilMs: poll.finishedAtMs });
      }
    } catch (error) {
      // A poll that could not be handed on is lost to us but not to the bill: counters accumulate, the next one spans it.
      this.#metrics.lost.add(1, { code: codeOf(error) });
      this.#reporter.error('poll not handed on', {
        device: entry.device.name,
        code: codeOf(error),
        error: messageOf(error),
      });
    }
    const { intervalMs, name } = entry.device;
    const wait = waitUntilNext(clock.now(), intervalMs, phaseOf(name, intervalMs));
    entry.nextDueMs = clock.monotonicMs() + wait;
    this.#due.push(entry.nextDueMs, entry);
  }

  async #visit(entry: Entry): Promise<Poll> {
    const { clock } = this.#deps;
    const { intervalMs } = entry.device;
    const deadline = new AbortController();
    const over = (): void => deadline.abort();
    this.#stopping.signal.addEventListener('abort', over, { once: true });
    void clock.sleep(Math.max(1000, intervalMs - DEADLINE_MARGIN_MS), deadline.signal).then(over);
    try {
      const decision = decide(entry.breaker, clock.monotonicMs());
      if (decision === 'rest') return this.#failedPoll(entry, entry.breaker.failure ?? 'snmp_timeout');
      const poll =
        decision === 'probe' ? await this.#probe(entry, deadline.signal) : await this.#poll(entry, deadline.signal);
      this.#judge(entry, poll);
      return poll;
    } finally {
      this.#stopping.signal.removeEventListener('abort', over);
      deadline.abort();
    }
  }

  #poll(entry: Entry, signal: AbortSignal): Promise<Poll> {
    const { slowIntervalMs, inventoryIntervalMs, processId } = this.#config;
    const { name, intervalMs } = entry.device;
    const plan = { device: name, intervalMs, slowIntervalMs, inventoryIntervalMs, processId };
    entry.reader ??= this.#deps.open(name);
    const deps = { times: this.#deps.clock, catalogue: this.#deps.catalogue };
    return pollDevice(entry.reader, plan, entry.state, deps, signal);
  }

  /** One OID; a device that answers is polled in full at once. */
  async #probe(entry: Entry, signal: AbortSignal): Promise<Poll> {
    entry.reader ??= this.#deps.open(entry.device.name);
    try {
      await entry.reader.probe(signal);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      return this.#failedPoll(entry, error.code);
    }
    return await this.#poll(entry, signal);
  }

  #judge(entry: Entry, poll: Poll): void {
    const wasOpen = isOpen(entry.breaker);
    if (poll.outcome !== 'failed') entry.breaker = CLOSED;
    else if (!this.#stopping.signal.aborted) {
      const nowMs = this.#deps.clock.monotonicMs();
      entry.breaker = afterFailure(entry.breaker, poll.failure ?? 'snmp_timeout', poll.intervalMs, nowMs);
    }
    if (wasOpen === isOpen(entry.breaker)) return;
    const message = wasOpen ? 'device answers again' : 'device does not answer; probing it from now on';
    this.#reporter.info(message, { device: poll.device, failure: poll.failure });
  }

  /** A failed poll is told at every interval, also while the device is only probed: silence of ours must not look like silence of its. */
  #failedPoll(entry: Entry, failure: string): Poll {
    const nowMs = this.#deps.clock.now();
    return {
      device: entry.device.name,
      startedAtMs: nowMs,
      finishedAtMs: nowMs,
      processId: this.#config.processId,
      intervalMs: entry.device.intervalMs,
      outcome: 'failed',
      failure,
      requests: 0,
      retries: 0,
      tables: [],
    };
  }

  #reportOf(entry: Entry): DeviceReport {
    const { device, state, last, reader, breaker } = entry;
    const memory = reader?.memoryOf('interface') ?? null;
    return {
      device: device.name,
      intervalMs: device.intervalMs,
      profile: state.profile?.name ?? null,
      lastPollAtMs: last?.startedAtMs ?? null,
      lastOutcome: last?.outcome ?? null,
      failure: last?.failure ?? null,
      requests: last?.requests ?? 0,
      retries: last?.retries ?? 0,
      durationMs: last === null ? 0 : last.finishedAtMs - last.startedAtMs,
      breakerOpen: isOpen(breaker),
      nextDueInMs: Math.round(entry.nextDueMs - this.#deps.clock.monotonicMs()),
      interfaces: state.names?.byIndex.size ?? 0,
      repetitionCeiling: memory?.ceiling ?? null,
      bytesPerRow: memory === null ? null : Math.round(memory.bytesPerRow),
    };
  }
}
