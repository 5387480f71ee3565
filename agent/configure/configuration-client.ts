// Pulls the devices of this agent from its collector, keeps the last good ones on the disk, and starts from these where no collector answers.
import type { DeviceEvent } from '../../common/model/event.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { KeptFile } from '../../common/runtime/kept-file.ts';
import type { CounterMetric, HealthState, Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { CollectorQuestions } from '../ship/collector-questions.ts';
import { type PulledConfiguration, pulledToBytes, readPulled } from './pulled-configuration.ts';

export interface ConfigurationClientDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly questions: CollectorQuestions;
  readonly file: Pick<KeptFile, 'read' | 'write'>;
  readonly newId: () => string;
  /** Takes up the devices, all or none: throws a coded error where they do not fit, and then nothing is changed. */
  readonly apply: (pulled: PulledConfiguration) => void;
  /** Resolves once the event is durable. */
  readonly accept: (event: DeviceEvent) => Promise<void>;
}

const WAIT_SECONDS = 25;
/** The wait, and time for the way and a long list. */
const TIMEOUT_MS: DurationMs = 55_000;
/** Two questions are at least this far apart, whatever is answered. */
const LEAST_PAUSE_MS: DurationMs = 1000;
/** A version that was refused comes again at once: it is the collector's or the agent's file that must change. */
const REFUSED_PAUSE_MS: DurationMs = 30_000;
const MOST_ANSWER_BYTES = 32 * 1024 * 1024;
const RETRY = { firstMs: 1000, mostMs: 60_000 };
const MOST_TEXT = 1000;

export class ConfigurationClient implements Component {
  readonly #reporter: Reporter;
  readonly #agent: string;
  readonly #deps: ConfigurationClientDeps;
  readonly #answers: CounterMetric;
  readonly #refused: CounterMetric;
  readonly #stopping = new AbortController();
  #pause = new AbortController();
  #hurries = false;
  #loop: Promise<void> | null = null;
  /** The last that was taken up. */
  #current: PulledConfiguration | null = null;
  #failures = 0;
  /** Version and reason of the last refusal, told once. */
  #refusal: string | null = null;
  #state: HealthState = { healthy: false, message: 'no devices yet: no collector has given any' };

  constructor(reporter: Reporter, agent: string, deps: ConfigurationClientDeps) {
    this.#reporter = reporter;
    this.#agent = agent;
    this.#deps = deps;
    this.#answers = reporter.counter('configuration_questions_total', 'Questions for the devices, by what came', [
      'answer',
    ]);
    this.#refused = reporter.counter(
      'configuration_refused_total',
      'Configurations of the collector that did not fit; the last good one stays',
      ['code'],
    );
  }

  /** Takes up what was kept, then asks for what is new. */
  start(): Promise<void> {
    if (this.#loop !== null) return Promise.resolve();
    // Only where devices come from a collector at all.
    this.#reporter.health('configuration', () => this.#state);
    this.#startFromKept();
    this.#loop = this.#run(this.#stopping.signal);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** The devices again, where what they rest on (credential sets) has changed. Throws where they do not fit any more; then nothing is changed. */
  applyAgain(): void {
    if (this.#current !== null) this.#deps.apply(this.#current);
    // What was refused for want of it may fit now.
    if (this.#refusal === null) return;
    this.#hurries = true;
    this.#pause.abort();
  }

  #startFromKept(): void {
    const bytes = this.#deps.file.read();
    if (bytes === null) return;
    try {
      const kept = readPulled(bytes);
      this.#deps.apply(kept);
      this.#current = kept;
      this.#state = { healthy: true, message: `version ${kept.version}, kept from before` };
      this.#reporter.info('devices as kept from before', { version: kept.version, devices: kept.devices.length });
    } catch (error) {
      this.#reporter.error('kept devices not taken up', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      const pauseMs = await this.#ask(signal);
      if (signal.aborted) return;
      const restMs = LEAST_PAUSE_MS * (1 + random()) - (clock.monotonicMs() - startedMs);
      await clock.sleep(Math.max(0, restMs), signal);
      await this.#rest(Math.max(0, pauseMs - Math.max(0, restMs)), signal);
    }
  }

  /** `applyAgain` may end it. */
  async #rest(ms: DurationMs, signal: AbortSignal): Promise<void> {
    const hurries = this.#hurries;
    this.#hurries = false;
    if (ms === 0 || hurries || signal.aborted) return;
    this.#pause = new AbortController();
    const leave = (): void => this.#pause.abort();
    signal.addEventListener('abort', leave, { once: true });
    await this.#deps.clock.sleep(ms, this.#pause.signal);
    signal.removeEventListener('abort', leave);
    this.#hurries = false;
  }

  /** Gives the pause before the next question, which waits at the collector for another version. */
  async #ask(signal: AbortSignal): Promise<DurationMs> {
    const held = this.#current?.version;
    try {
      const answer = await this.#deps.questions.ask({
        place: `/api/v1/agents/${encodeURIComponent(this.#agent)}/configuration?wait=${WAIT_SECONDS}`,
        headers: held === undefined ? {} : { 'if-none-match': `"${held}"` },
        timeoutMs: TIMEOUT_MS,
        mostAnswerBytes: MOST_ANSWER_BYTES,
        signal,
      });
      this.#failures = 0;
      if (answer.status === 304) this.#unchanged();
      else if (!(await this.#takeUp(answer.body))) return REFUSED_PAUSE_MS * (0.5 + this.#deps.random());
      return 0;
    } catch (error) {
      if (signal.aborted) return 0;
      this.#failures += 1;
      const code = codeOf(error);
      this.#answers.add(1, { answer: code });
      if (this.#failures === 1) this.#reporter.warn('devices not asked for', { code, message: messageOf(error) });
      if (this.#current === null) this.#state = { healthy: false, message: `no devices yet: ${code}` };
      return backoffDelay(RETRY, this.#failures - 1, this.#deps.random);
    }
  }

  #unchanged(): void {
    this.#answers.add(1, { answer: 'unchanged' });
    this.#refusal = null;
    this.#state = { healthy: true, message: `version ${this.#current?.version ?? ''}` };
  }

  /** False where it was refused. */
  async #takeUp(body: Buffer): Promise<boolean> {
    let version = 'unknown';
    try {
      const pulled = readPulled(body);
      version = pulled.version;
      if (version === this.#current?.version) {
        this.#unchanged();
        return true;
      }
      this.#deps.apply(pulled);
      this.#current = pulled;
      this.#refusal = null;
      this.#answers.add(1, { answer: 'new' });
      this.#state = { healthy: true, message: `version ${version}` };
      this.#reporter.info('devices of the collector taken up', { version, devices: pulled.devices.length });
      // A disk that refuses is told by the file; the next start asks the collector again.
      this.#deps.file.write(pulledToBytes(pulled));
      return true;
    } catch (error) {
      await this.#refuse(version, error);
      return false;
    }
  }

  /** The last good one stays; told once for each version and reason. */
  async #refuse(version: string, error: unknown): Promise<void> {
    const code = codeOf(error);
    const message = messageOf(error);
    this.#answers.add(1, { answer: 'refused' });
    this.#refused.add(1, { code });
    this.#state = { healthy: false, message: `version ${version} refused: ${code}: ${message}` };
    const refusal = `${version} ${code} ${message}`;
    if (refusal === this.#refusal) return;
    this.#reporter.error('devices of the collector refused', { version, code, message, kept: this.#current?.version });
    try {
      await this.#deps.accept(this.#event(version, code, message));
      this.#refusal = refusal;
    } catch (failure) {
      this.#reporter.warn('refusal not told', { code: codeOf(failure), message: messageOf(failure) });
    }
  }

  #event(version: string, code: string, message: string): DeviceEvent {
    return {
      id: this.#deps.newId(),
      device: null,
      source: null,
      origin: 'agent',
      name: 'configuration_refused',
      observedAtMs: this.#deps.clock.now(),
      uptimeTicks: null,
      interfaceKey: null,
      details: [
        { name: 'version', value: version },
        { name: 'code', value: code },
        { name: 'message', value: message.slice(0, MOST_TEXT) },
        { name: 'kept', value: this.#current?.version ?? '' },
      ],
    };
  }
}
