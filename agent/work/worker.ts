// Does the work that collectors ask for, through ports: each piece once, one at a time on a device, a few at a time in all; its result is an event.
import type { DeviceEvent, EventDetail } from '../../common/model/event.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { BegunWork } from './begun-work.ts';
import { detailsOf } from './result-details.ts';
import { refuseSet, type SetAllowance } from './set-allowance.ts';
import { rehearse, runSequence, type SequencePorts } from './set-sequence.ts';
import type { ProbeTarget, WorkItem } from './work-item.ts';

/** What the rest of the agent does for it. Each rejects with a coded error where it cannot be done, and lets go when the signal aborts. */
export interface WorkPorts extends SequencePorts {
  /** Null where this agent does not have the device. */
  allowance(device: string): SetAllowance | null;
  /** Polls now, outside its turn; the poll itself goes the usual way. Gives what is to be said of it. */
  pollNow(device: string, signal: AbortSignal): Promise<object>;
  /** Why the device looks as it does and what comes next. */
  explain(device: string): object;
  ping(device: string, signal: AbortSignal): Promise<object>;
  /** Packets lost and how long they take, and the hops on the way, by the tools of this machine. */
  measurePath(device: string, signal: AbortSignal): Promise<object>;
  traceRoute(device: string, signal: AbortSignal): Promise<object>;
  /** Polls once what is not configured; gives what it is. Throws address_invalid, credential_unknown and what a secret lacks. */
  probe(device: string, target: ProbeTarget, signal: AbortSignal): Promise<object>;
}

/** Not done where it cannot be remembered that it was. */
const CHANGES: readonly WorkItem['kind'][] = ['set', 'sequence'];

export interface WorkerDeps {
  readonly clock: Clock;
  readonly begun: BegunWork;
  readonly ports: WorkPorts;
  readonly newId: () => string;
  /** Resolves once the event is durable. */
  readonly accept: (event: DeviceEvent) => Promise<void>;
}

interface Waiting {
  readonly item: WorkItem;
  readonly untilMs: number;
}

const MOST_RUNNING = 8;
const MOST_WAITING = 200;
/** Nothing of a single device takes longer. */
const PATIENCE_MS: DurationMs = 120_000;

export class Worker {
  readonly #reporter: Reporter;
  readonly #deps: WorkerDeps;
  readonly #outcomes: CounterMetric;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #waiting: readonly Waiting[] = [];

  constructor(reporter: Reporter, deps: WorkerDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#outcomes = reporter.counter('work_total', 'Work given by collectors, by kind and what became of it', [
      'kind',
      'outcome',
    ]);
  }

  /** Tells of what a former life began and cannot have told. */
  async recover(): Promise<void> {
    for (const { id, device, kind } of this.#deps.begun.recover()) {
      const error = new WeirError(
        'work_interrupted',
        'The agent ended while it did this; nobody knows how far it came.',
      );
      await this.#tell({ id, device }, kind, 'work_failed', failureDetails(error));
    }
  }

  /** Takes what is new; true where anything was. Again and again without effect. */
  take(items: readonly WorkItem[]): boolean {
    const fresh = items.filter((item) => this.#isFresh(item));
    const nowMs = this.#deps.clock.monotonicMs();
    this.#waiting = [...this.#waiting, ...fresh.map((item) => ({ item, untilMs: nowMs + item.expiresInMs }))];
    this.#goOn();
    return fresh.length > 0;
  }

  /** Lets go of what runs, and tells what came of it; what waits is left, and expires. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waiting = [];
    await Promise.all(this.#running.values());
  }

  #isFresh(item: WorkItem): boolean {
    if (this.#stopping.signal.aborted || this.#waiting.some((one) => one.item.id === item.id)) return false;
    if (this.#deps.begun.has(item.id)) return false;
    if (this.#waiting.length < MOST_WAITING) return true;
    this.#outcomes.add(1, { kind: item.kind, outcome: 'too_many' });
    return false;
  }

  #goOn(): void {
    while (this.#running.size < MOST_RUNNING) {
      const next = this.#waiting.find(({ item }) => !this.#running.has(item.device));
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter((one) => one !== next);
      const { device } = next.item;
      const run = this.#run(next).finally(() => {
        this.#running.delete(device);
        this.#goOn();
      });
      this.#running.set(device, run);
    }
  }

  /** Never rejects. */
  async #run({ item, untilMs }: Waiting): Promise<void> {
    const { clock, begun } = this.#deps;
    if (clock.monotonicMs() >= untilMs) return this.#outcomes.add(1, { kind: item.kind, outcome: 'expired' });
    const outcome = begun.begin(item);
    if (outcome === 'known' || outcome === 'full') return this.#outcomes.add(1, { kind: item.kind, outcome });
    try {
      if (outcome === 'not_kept' && CHANGES.includes(item.kind))
        throw new WeirError('data_folder_unusable', 'What is set cannot be remembered, so it is not set at all.');
      const done = await this.#withinPatience((signal) => this.#do(item, signal));
      await this.#tell(item, item.kind, 'work_done', done);
    } catch (error) {
      if (!(error instanceof WeirError))
        this.#reporter.error('work failed on our side', { id: item.id, device: item.device, error: messageOf(error) });
      await this.#tell(item, item.kind, 'work_failed', failureDetails(error));
    }
  }

  async #withinPatience(work: (signal: AbortSignal) => Promise<EventDetail[]>): Promise<EventDetail[]> {
    const over = new AbortController();
    const done = new AbortController();
    const giveUp = (): void => over.abort();
    const { signal } = this.#stopping;
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    void this.#deps.clock.sleep(PATIENCE_MS, done.signal).then(giveUp);
    try {
      return await work(over.signal);
    } finally {
      done.abort();
      signal.removeEventListener('abort', giveUp);
    }
  }

  async #do(item: WorkItem, signal: AbortSignal): Promise<EventDetail[]> {
    const { ports } = this.#deps;
    const { device, kind, varbinds, steps } = item;
    if (kind === 'probe') {
      if (item.probe === undefined) throw new WeirError('invalid_request', 'probe: it says not where to ask.');
      return detailsOf(await ports.probe(device, item.probe, signal));
    }
    const allowance = ports.allowance(device);
    if (allowance === null) throw new WeirError('not_found', `This agent has no device ${device}.`, { device });
    switch (kind) {
      case 'poll':
        return detailsOf(await ports.pollNow(device, signal));
      case 'diagnose': {
        // As it was before we ask again; last, because it is long.
        const before = ports.explain(device);
        const ping = await orFailure(ports.ping(device, signal));
        const poll = await orFailure(ports.pollNow(device, signal));
        return detailsOf({ ping, poll, before });
      }
      case 'set': {
        refuseSet(device, allowance, varbinds);
        this.#reporter.info('values are set', { id: item.id, device, oids: varbinds.map(({ oid }) => oid) });
        return detailsOf(await ports.set(device, varbinds, signal));
      }
      case 'ping':
        return detailsOf(await ports.measurePath(device, signal));
      case 'traceroute':
        return detailsOf(await ports.traceRoute(device, signal));
      case 'read':
        return detailsOf(readDetails(await ports.read(device, item.oids, signal)));
      case 'rehearse':
        return detailsOf({ before: await rehearse({ device, steps, allowance }, ports, signal) });
      case 'sequence': {
        const oids = steps.flatMap((step) => step.varbinds.map(({ oid }) => oid));
        this.#reporter.info('values are set', { id: item.id, device, oids });
        return detailsOf(await runSequence({ device, steps, allowance }, this.#deps, signal));
      }
    }
  }

  /** Of a result that cannot be kept nobody hears: the work expires, and is not done again. */
  async #tell(
    { id, device }: Pick<WorkItem, 'id' | 'device'>,
    kind: string,
    name: 'work_done' | 'work_failed',
    details: readonly EventDetail[],
  ): Promise<void> {
    const { clock, newId, accept, begun, ports } = this.#deps;
    this.#outcomes.add(1, { kind, outcome: name === 'work_done' ? 'done' : 'failed' });
    try {
      await accept({
        id: newId(),
        // Of a device that is not ours the collector takes nothing.
        device: ports.allowance(device) === null ? null : device,
        source: null,
        origin: 'work',
        name,
        observedAtMs: clock.now(),
        uptimeTicks: null,
        interfaceKey: null,
        details: [{ name: 'work', value: id }, { name: 'kind', value: kind }, ...details],
      });
      begun.told(id);
    } catch (error) {
      this.#reporter.error('result of work not kept', { id, device, code: codeOf(error), message: messageOf(error) });
    }
  }
}

function failureDetails(error: unknown): EventDetail[] {
  const known = error instanceof WeirError;
  return detailsOf({
    code: known ? error.code : 'unexpected',
    message: known ? error.message : 'The agent failed; its log says how.',
    ...(known ? { detail: error.detail } : {}),
  });
}

/** What is absent is named by itself: an empty text is a value too. */
function readDetails(values: Record<string, string | null>): object {
  const absent = Object.keys(values).filter((oid) => values[oid] === null);
  const value = Object.fromEntries(Object.entries(values).filter(([, text]) => text !== null));
  return { value, ...(absent.length === 0 ? {} : { absent }) };
}

/** One part of a diagnosis that fails says something too. */
async function orFailure(part: Promise<object>): Promise<object> {
  try {
    return await part;
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { code: error.code, message: error.message };
  }
}
