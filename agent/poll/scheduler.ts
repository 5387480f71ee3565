// Polls every device in its turn: due by its own phase, never twice at once, bounded in number, each on its own.
import type { Watermark } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { HealthState, Reporter } from '../../common/runtime/reporter.ts';
import type { ProfileCatalogue } from '../profile/profile.ts';
import type { DeviceReader } from '../snmp/table-reader.ts';
import { afterFailure, type Breaker, CLOSED, decide, isOpen } from './breaker.ts';
import { DeviceState } from './device-state.ts';
import { pollDevice } from './poll-device.ts';
import { pollMetrics, type PollMetrics } from './poll-metrics.ts';
import { DueQueue, firstWait, nextTurn, phaseOf } from './timetable.ts';

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
  /** Tables of the last poll that were cut short. */
  readonly partialTables: readonly string[];
  readonly breakerOpen: boolean;
  /** While the breaker is open. */
  readonly probePauseMs: DurationMs | null;
  readonly nextDueInMs: number;
  readonly interfaces: number;
  /** Repetitions are bounded by this after silence or tooBig; the walk of the interface table. */
  readonly repetitionCeiling: number | null;
  readonly bytesPerRow: number | null;
}

interface LastPoll extends Omit<Poll, 'tables'> {
  readonly partialTables: readonly string[];
}

interface Entry {
  readonly device: ScheduledDevice;
  readonly state: DeviceState;
  reader: DeviceReader | null;
  breaker: Breaker;
  last: LastPoll | null;
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
  /** Of the polls under way. */
  readonly #deadlines = new Set<AbortController>();
  #stopping = new AbortController();
  /** Ends the sleep until the next device is due. */
  #nap = new AbortController();
  #loop: Promise<void> | null = null;
  #silent = 0;
  /** Why the last poll could not be handed on; null where it was. */
  #lossCode: string | null = null;

  constructor(reporter: Reporter, config: SchedulerConfig, deps: SchedulerDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#metrics = pollMetrics(reporter);
    reporter.health('poll', () => this.#health());
  }

  start(): Promise<void> {
    if (this.#loop !== null) return Promise.resolve();
    this.#stopping = new AbortController();
    this.#silent = 0;
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
    this.#nap.abort();
    for (const deadline of this.#deadlines) deadline.abort();
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
        this.#nap = new AbortController();
        await clock.sleep(Math.min(MOST_SLEEP_MS, (dueMs ?? Number.POSITIVE_INFINITY) - nowMs), this.#nap.signal);
        continue;
      }
      if (this.#running.size >= this.#config.concurrency) {
        await Promise.race(this.#running);
        continue;
      }
      const entry = this.#due.pop();
      if (entry === null) continue;
      this.#metrics.lateness.observe((nowMs - dueMs) / 1000);
      const turn = this.#turn(entry).finally(() => {
        this.#running.delete(turn);
        this.#metrics.running.set(this.#running.size);
      });
      this.#running.add(turn);
      this.#metrics.running.set(this.#running.size);
    }
    await Promise.all(this.#running);
  }

  /** One device's turn, and its next one put into the queue whatever happens. */
  async #turn(entry: Entry): Promise<void> {
    const { clock } = this.#deps;
    const startedMs = clock.monotonicMs();
    const poll = await this.#visit(entry, startedMs);
    const { tables, ...last } = poll;
    entry.last = { ...last, partialTables: tables.filter((table) => !table.complete).map((table) => table.name) };
    this.#metrics.count(poll);
    // Silence of a device whose poll was broken off by our stop says nothing.
    if (!this.#stopping.signal.aborted || poll.outcome !== 'failed') await this.#handOn(poll);
    const { intervalMs, name } = entry.device;
    const elapsedMs = clock.monotonicMs() - startedMs;
    const { waitMs, skipped } = nextTurn(clock.now(), elapsedMs, intervalMs, phaseOf(name, intervalMs));
    if (skipped > 0) this.#metrics.skipped.add(skipped);
    entry.nextDueMs = clock.monotonicMs() + waitMs;
    this.#due.push(entry.nextDueMs, entry);
    if (this.#due.nextDueMs() === entry.nextDueMs) this.#nap.abort();
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

  async #visit(entry: Entry, startedMs: number): Promise<Poll> {
    const { clock } = this.#deps;
    const { intervalMs } = entry.device;
    const deadline = new AbortController();
    this.#deadlines.add(deadline);
    void clock.sleep(Math.max(1000, intervalMs - DEADLINE_MARGIN_MS), deadline.signal).then(() => deadline.abort());
    try {
      const decision = decide(entry.breaker, startedMs);
      if (decision === 'rest') return this.#failedPoll(entry, entry.breaker.failure ?? 'snmp_timeout');
      const poll = await this.#ask(entry, decision, deadline.signal);
      this.#judge(entry, poll, startedMs);
      return poll;
    } finally {
      this.#deadlines.delete(deadline);
      deadline.abort();
    }
  }

  /** Polls; a device that was silent is asked for one OID first, and polled in full at once when it answers. Never rejects: what befalls one device stays with it. */
  async #ask(entry: Entry, decision: 'poll' | 'probe', signal: AbortSignal): Promise<Poll> {
    const startedAtMs = this.#deps.clock.now();
    try {
      entry.reader ??= this.#deps.open(entry.device.name);
      if (decision === 'probe') await entry.reader.probe(signal);
      return await this.#poll(entry, entry.reader, signal);
    } catch (error) {
      if (!(error instanceof WeirError)) {
        const { stack } = error instanceof Error ? error : {};
        this.#reporter.error('poll failed on our side', { device: entry.device.name, error: messageOf(error), stack });
      }
      const requests = decision === 'probe' && entry.reader !== null ? 1 : 0;
      const failure = error instanceof WeirError ? error.code : 'unexpected';
      return { ...this.#failedPoll(entry, failure), startedAtMs, requests };
    }
  }

  #poll(entry: Entry, reader: DeviceReader, signal: AbortSignal): Promise<Poll> {
    const { slowIntervalMs, inventoryIntervalMs, processId } = this.#config;
    const { name, intervalMs } = entry.device;
    const plan = { device: name, intervalMs, slowIntervalMs, inventoryIntervalMs, processId };
    const deps = { times: this.#deps.clock, catalogue: this.#deps.catalogue };
    return pollDevice(reader, plan, entry.state, deps, signal);
  }

  #judge(entry: Entry, poll: Poll, startedMs: number): void {
    const wasOpen = isOpen(entry.breaker);
    if (poll.outcome !== 'failed') entry.breaker = CLOSED;
    else if (!this.#stopping.signal.aborted) {
      entry.breaker = afterFailure(entry.breaker, poll.failure ?? 'snmp_timeout', poll.intervalMs, startedMs);
    }
    if (wasOpen === isOpen(entry.breaker)) return;
    const message = wasOpen ? 'device answers again' : 'device does not answer; probing it from now on';
    this.#reporter.info(message, { device: poll.device, failure: poll.failure });
    this.#silent += wasOpen ? -1 : 1;
    this.#metrics.silent.set(this.#silent);
  }

  /** Silent devices are no fault of the agent; polls that nobody keeps are. */
  #health(): HealthState {
    const devices = `${this.#entries.size} devices, ${this.#silent} of them silent`;
    if (this.#loop === null) return { healthy: false, message: 'not polling' };
    if (this.#lossCode !== null)
      return { healthy: false, message: `polls are not kept: ${this.#lossCode}; ${devices}` };
    return { healthy: true, message: devices };
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
      partialTables: last?.partialTables ?? [],
      breakerOpen: isOpen(breaker),
      probePauseMs: isOpen(breaker) ? breaker.pauseMs : null,
      nextDueInMs: Math.round(entry.nextDueMs - this.#deps.clock.monotonicMs()),
      interfaces: state.names?.byIndex.size ?? 0,
      repetitionCeiling: memory?.ceiling ?? null,
      bytesPerRow: memory === null ? null : Math.round(memory.bytesPerRow),
    };
  }
}
