// One device as the scheduler polls it: its session, what is remembered of it, its breaker, and what can be said of its last poll.
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ProfileCatalogue } from '../profile/profile.ts';
import type { SessionTraffic } from '../snmp/session.ts';
import type { RememberingReader } from '../snmp/table-reader.ts';
import { afterFailure, type Breaker, CLOSED, decide, isOpen } from './breaker.ts';
import { isSilent } from './confirmations.ts';
import { DeviceState } from './device-state.ts';
import {
  type DeviceExplanation,
  type DeviceNotice,
  type DeviceReport,
  explainVisit,
  recordVisit,
  refreshNotice,
  type VisitRecord,
} from './explanation.ts';
import type { LearntOfDevice } from './learnt-file.ts';
import type { PingResult, Reachability } from './ping.ts';
import { pollDevice } from './poll-device.ts';
import { observeRefresh, type RefreshState, UNOBSERVED } from './refresh.ts';

export interface ScheduledDevice {
  readonly name: string;
  readonly intervalMs: DurationMs;
  /** For ping; without it ping is not asked. */
  readonly host?: string;
  /** False: the device is asked by ping alone. Default true. */
  readonly snmp?: boolean;
  /** The thin line that it stands behind; absent: none. */
  readonly line?: string;
  /** By what it is reached, in any words: where they change, a new session is opened and nothing of the old device is believed. */
  readonly access?: string;
}

/** What a new list of devices changed. */
export interface DeviceChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface VisitConfig {
  readonly slowIntervalMs: DurationMs;
  readonly inventoryIntervalMs: DurationMs;
  readonly processId: string;
}

export interface VisitDeps {
  readonly clock: Clock;
  readonly catalogue: ProfileCatalogue;
  /** Opens the device's session at its first poll, and again after its access changed; it is kept. */
  open(device: string): RememberingReader;
  /** The session is not used any more. */
  readonly close?: (device: string) => void;
  /** Asked where SNMP falls silent, and of devices without SNMP. */
  readonly ping?: Reachability;
}

/** What ping adds to silence: whether the box is dead or only its SNMP. */
const SILENCE: Readonly<Record<PingResult, string>> = {
  answers: 'snmp_silent_but_reachable',
  silent: 'device_silent',
  unknown: 'snmp_timeout',
};
const WITHOUT_SNMP: Readonly<Record<PingResult, string | null>> = {
  answers: null,
  silent: 'ping_timeout',
  unknown: 'ping_unavailable',
};

export class PolledDevice {
  readonly #reporter: Reporter;
  readonly #config: VisitConfig;
  readonly #deps: VisitDeps;
  #device: ScheduledDevice;
  #learnt: LearntOfDevice | null;
  #state = new DeviceState();
  #reader: RememberingReader | null = null;
  #breaker: Breaker = CLOSED;
  #refresh: RefreshState = UNOBSERVED;
  #last: VisitRecord | null = null;
  #ping: PingResult | null = null;
  /** The last visit asked nothing. */
  #rested = false;
  #unconfirmed = false;

  constructor(
    reporter: Reporter,
    device: ScheduledDevice,
    learnt: LearntOfDevice | null,
    config: VisitConfig,
    deps: VisitDeps,
  ) {
    this.#reporter = reporter;
    this.#device = device;
    this.#learnt = learnt;
    this.#config = config;
    this.#deps = deps;
    if (learnt?.distrustsTableLastChange === true) this.#state.distrustTableLastChange();
  }

  get name(): string {
    return this.#device.name;
  }

  /** As it is polled: the configured one, or a multiple where its counters refresh slowly. */
  get intervalMs(): DurationMs {
    return this.#device.intervalMs * this.#refresh.multiple;
  }

  /** It keeps silent and is only probed. */
  get silent(): boolean {
    return isOpen(this.#breaker);
  }

  /** Its last poll failed, so that the next may wait long for nothing. While it rests there is nothing to wait for. */
  get doubtful(): boolean {
    return this.#breaker.failures > 0 && decide(this.#breaker, this.#deps.clock.monotonicMs()) !== 'rest';
  }

  /** Its last poll was the first of a silence, or the first that was answered after a long one: one more soon would tell whether it stays so. */
  get unconfirmed(): boolean {
    return this.#unconfirmed;
  }

  /** Takes over its configuration; what is known of it stays, unless it is reached otherwise than before. Not while it is being polled. */
  change(device: ScheduledDevice): void {
    const before = this.#device;
    this.#device = device;
    if (before.intervalMs !== device.intervalMs) this.#refresh = UNOBSERVED;
    if (before.access === device.access && before.snmp === device.snmp) return;
    this.close();
    this.#state = new DeviceState();
    this.#learnt = null;
    this.#breaker = CLOSED;
    this.#refresh = UNOBSERVED;
    this.#ping = null;
  }

  close(): void {
    if (this.#reader !== null) this.#deps.close?.(this.name);
    this.#reader = null;
  }

  /** Polls, probes or rests, as its breaker says; beside its turns (somebody asked) it never rests. Never rejects. */
  async visit(beside: boolean, signal: AbortSignal): Promise<Poll> {
    const before = this.#reader?.traffic ?? null;
    this.#state.print = null;
    const decision = decide(this.#breaker, this.#deps.clock.monotonicMs());
    const withSnmp = this.#device.snmp !== false;
    this.#rested = withSnmp && decision === 'rest' && !beside;
    const poll = this.#rested
      ? this.#failedPoll(this.#breaker.failure ?? 'snmp_timeout')
      : withSnmp
        ? await this.#ask(decision === 'poll' ? 'poll' : 'probe', signal)
        : await this.#pingAlone(signal);
    this.#last = recordVisit(poll, this.#reader, before);
    return poll;
  }

  /** What the poll, begun at `startedMs` of the monotonic clock, means for the next; whether it fell silent or answers again. */
  judge(poll: Poll, startedMs: number): 'silent' | 'answers' | null {
    const wasOpen = this.silent;
    this.#unconfirmed = false;
    if (this.#rested) return null;
    if (poll.outcome !== 'failed') this.#breaker = CLOSED;
    else this.#breaker = afterFailure(this.#breaker, poll.failure ?? 'snmp_timeout', this.intervalMs, startedMs);
    this.#unconfirmed = this.#breaker.failures === 1 ? isSilent(poll) : wasOpen && !this.silent;
    if (wasOpen === this.silent) return null;
    return wasOpen ? 'answers' : 'silent';
  }

  /** After a poll at its regular turn: what is to be told where its counters are found to refresh slowly, not where that is looked at anew. */
  watchRefresh(): DeviceNotice | null {
    const { print } = this.#state;
    if (print === null) return null;
    const before = this.#refresh.multiple;
    this.#refresh = observeRefresh(this.#refresh, print, this.#device.intervalMs);
    if (this.#refresh.multiple === before || this.#refresh.multiple === 1) return null;
    const { name, intervalMs } = this;
    this.#reporter.info('device refreshes its counters slowly; it is polled less often', { device: name, intervalMs });
    return refreshNotice(name, intervalMs, this.#device.intervalMs, this.#deps.clock.now());
  }

  /** For the next life of the agent. */
  learnt(): LearntOfDevice | null {
    if (this.#reader === null) return this.#learnt;
    return { limits: this.#reader.limits(), distrustsTableLastChange: !this.#state.trustsTableLastChange };
  }

  report(nextDueInMs: number): DeviceReport {
    const poll = this.#last?.poll ?? null;
    const memory = this.#reader?.memoryOf('interface') ?? null;
    return {
      device: this.name,
      line: this.#device.line ?? null,
      intervalMs: this.intervalMs,
      configuredIntervalMs: this.#device.intervalMs,
      profile: this.#state.profile?.name ?? null,
      lastPollAtMs: poll?.startedAtMs ?? null,
      lastOutcome: poll?.outcome ?? null,
      failure: poll?.failure ?? null,
      requests: poll?.requests ?? 0,
      retries: poll?.retries ?? 0,
      durationMs: poll === null ? 0 : poll.finishedAtMs - poll.startedAtMs,
      partialTables: this.#last?.partialTables ?? [],
      breakerOpen: this.silent,
      probePauseMs: this.silent ? this.#breaker.pauseMs : null,
      nextDueInMs,
      interfaces: this.#state.names?.size ?? 0,
      repetitionCeiling: memory?.ceiling ?? null,
      bytesPerRow: memory === null ? null : Math.round(memory.bytesPerRow),
      ping: this.#ping,
    };
  }

  /** What an ifIndex stands for by the names last read; null where that is not known. */
  interfaceKeyAt(ifIndex: number): string | null {
    const { names } = this.#state;
    return names?.keys[names.index.indexOf(String(ifIndex))] ?? null;
  }

  explain(nextDueInMs: number): DeviceExplanation {
    const lastPoll = this.#last === null ? null : explainVisit(this.#last, this.#state, this.#reader);
    return { ...this.report(nextDueInMs), lastPoll };
  }

  /** A device that was silent is asked for one OID first, and polled in full at once when it answers. What befalls one device stays with it. */
  async #ask(how: 'poll' | 'probe', signal: AbortSignal): Promise<Poll> {
    const startedAtMs = this.#deps.clock.now();
    let before: SessionTraffic | null = null;
    try {
      const reader = this.#open();
      before = reader.traffic;
      if (how === 'probe') await reader.probe(signal);
      return await this.#withPing(await this.#poll(reader, signal), signal);
    } catch (error) {
      if (!(error instanceof WeirError)) {
        const { stack } = error instanceof Error ? error : {};
        this.#reporter.error('poll failed on our side', { device: this.name, error: messageOf(error), stack });
      }
      const requests = (this.#reader?.traffic.requests ?? 0) - (before?.requests ?? 0);
      const failure = error instanceof WeirError ? error.code : 'unexpected';
      return await this.#withPing({ ...this.#failedPoll(failure), startedAtMs, requests }, signal);
    }
  }

  #open(): RememberingReader {
    if (this.#reader !== null) return this.#reader;
    const reader = this.#deps.open(this.name);
    if (this.#learnt !== null) reader.recall(this.#learnt.limits);
    this.#reader = reader;
    return reader;
  }

  #poll(reader: RememberingReader, signal: AbortSignal): Promise<Poll> {
    const { slowIntervalMs, inventoryIntervalMs, processId } = this.#config;
    const { name, intervalMs } = this;
    const { intervalMs: configuredIntervalMs } = this.#device;
    const plan = { device: name, intervalMs, configuredIntervalMs, slowIntervalMs, inventoryIntervalMs, processId };
    const deps = { times: this.#deps.clock, catalogue: this.#deps.catalogue };
    return pollDevice(reader, plan, this.#state, deps, signal);
  }

  /** Silence of SNMP, with what ping says to it. */
  async #withPing(poll: Poll, signal: AbortSignal): Promise<Poll> {
    const { host } = this.#device;
    const { ping, clock } = this.#deps;
    if (poll.failure !== 'snmp_timeout' || poll.outcome !== 'failed' || host === undefined || ping === undefined)
      return poll;
    this.#ping = await ping.ask(host, signal);
    return { ...poll, failure: SILENCE[this.#ping], finishedAtMs: clock.now() };
  }

  async #pingAlone(signal: AbortSignal): Promise<Poll> {
    const { host } = this.#device;
    const { ping, clock } = this.#deps;
    const startedAtMs = clock.now();
    this.#ping = host === undefined || ping === undefined ? 'unknown' : await ping.ask(host, signal);
    const failure = WITHOUT_SNMP[this.#ping];
    const outcome = failure === null ? 'complete' : 'failed';
    return { ...this.#failedPoll(failure), outcome, startedAtMs, finishedAtMs: clock.now() };
  }

  /** A failed poll is told at every interval, also while the device is only probed: silence of ours must not look like silence of its. */
  #failedPoll(failure: string | null): Poll {
    const nowMs = this.#deps.clock.now();
    return {
      device: this.name,
      startedAtMs: nowMs,
      finishedAtMs: nowMs,
      processId: this.#config.processId,
      intervalMs: this.intervalMs,
      outcome: 'failed',
      failure,
      requests: 0,
      retries: 0,
      tables: [],
    };
  }
}

export function sameDevice(a: ScheduledDevice, b: ScheduledDevice): boolean {
  return (
    a.name === b.name &&
    a.intervalMs === b.intervalMs &&
    a.host === b.host &&
    a.snmp === b.snmp &&
    a.line === b.line &&
    a.access === b.access
  );
}
