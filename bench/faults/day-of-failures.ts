// A day of failures on a clock that is told the time: each act against what people were to be told, and a report of what was raised, folded, announced, lost, or told twice.
import type { JournaledBatch } from '../../collector/project/projection.ts';
import type { Message } from '../../collector/tell/told.ts';
import type { Database } from '../../common/database/database.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { dayEntry, dayPoll } from './day-polls.ts';
import { type Act, actsOf, type Stage } from './day-acts.ts';
import { DayCollector } from './day-collector.ts';
import { AGENTS, DayNetwork, INTERVAL_MS } from './day-network.ts';
import type { ToldClock } from './told-clock.ts';

export interface DayWords {
  readonly reporter: Reporter;
  /** With the collector's schema, and nothing in it. */
  readonly database: Database;
  readonly clock: ToldClock;
  readonly sites: number;
  readonly stepMs: number;
  /** Of the storm. */
  readonly events: number;
  /** How often all acts are played. */
  readonly rounds: number;
  readonly tell?: (line: string) => void;
}

export interface ActReport {
  readonly act: string;
  readonly expected: number;
  readonly raised: number;
  readonly folded: number;
  readonly announced: number;
  /** Expected, and nobody was told; or told, and never of its end. */
  readonly lost: readonly string[];
  /** Told under two keys. */
  readonly twice: readonly string[];
  /** Told, and nobody need see it. */
  readonly needless: readonly string[];
}

/** One raising of an alarm as people heard of it. */
interface Heard {
  readonly name: string;
  readonly raisedKeys: Set<string>;
  readonly clearedKeys: Set<string>;
  /** When it was first told. */
  readonly atMs: number;
}

export async function dayOfFailures(words: DayWords): Promise<ActReport[]> {
  const day = new Day(words);
  await day.quiet(3);
  const reports: ActReport[] = [];
  for (let round = 0; round < words.rounds; round += 1)
    for (const act of actsOf(words.events)) {
      reports.push(await day.play(act));
      words.tell?.(line(reports.at(-1)));
    }
  return reports;
}

class Day {
  readonly #words: DayWords;
  readonly #network: DayNetwork;
  readonly #lost = new Set<string>();
  readonly #heard = new Map<string, Heard>();
  #collector: DayCollector;
  #last: readonly JournaledBatch[] = [];
  #flood = 0;
  #position = 0;
  #minute = 0;
  readonly #sequences = new Map<string, number>();
  readonly #dueMs: Map<string, number>;

  constructor(words: DayWords) {
    this.#words = words;
    this.#network = new DayNetwork(words.sites);
    const nowMs = words.clock.now();
    this.#dueMs = new Map(
      this.#network.devices.map(({ name }, at) => [
        name,
        nowMs + Math.floor(((at * 7919) % INTERVAL_MS) / words.stepMs) * words.stepMs,
      ]),
    );
    this.#collector = this.#start();
  }

  async quiet(minutes: number): Promise<void> {
    for (let passedMs = 0; passedMs < minutes * 60_000; passedMs += this.#words.stepMs) await this.#step();
  }

  async play(act: Act): Promise<ActReport> {
    const before = await this.#changes();
    this.#heard.clear();
    const beganMs = this.#words.clock.now();
    const waiting = [...act.happenings];
    const stage = this.#stage(beganMs);
    for (let passedMs = 0; passedMs < act.lastsMs; passedMs += this.#words.stepMs) {
      while ((waiting[0]?.atMs ?? Infinity) <= passedMs) await waiting.shift()?.do(stage);
      await this.#step();
    }
    return this.#report(act, before, beganMs);
  }

  #stage(beganMs: number): Stage {
    return {
      network: this.#network,
      lost: this.#lost,
      window: async (site, fromMs, toMs) => {
        const times = { kind: 'once' as const, fromMs: beganMs + fromMs, toMs: beganMs + toMs };
        const targets = { devices: [], sites: [site], tags: [], services: [], resources: [] };
        const actor = { name: 'noc', role: 'operator' };
        const window = { targets, times, reason: 'a new router', upgrade: false, excludedFromKpis: false };
        await this.#collector.windows.create(window, actor);
      },
      flood: (events) => {
        this.#flood = events;
      },
      kill: () => {
        this.#collector.dieAfterNextMessage = true;
      },
    };
  }

  #start(): DayCollector {
    const { reporter, database, clock } = this.#words;
    return new DayCollector({
      reporter,
      database,
      clock,
      network: this.#network,
      receive: (message) => this.#receive(message),
    });
  }

  /** One that was killed is started again: its lease has run out, and what it applied last may come to it once more. */
  async #revive(): Promise<void> {
    await this.#words.database.query('delete from weir.lease');
    this.#collector = this.#start();
    await this.#collector.step(this.#last, []);
  }

  async #step(): Promise<void> {
    if (this.#collector.isDead) await this.#revive();
    const { clock, stepMs } = this.#words;
    clock.advance(stepMs);
    const nowMs = clock.now();
    this.#minute = Math.floor(nowMs / 60_000);
    const answering = this.#network.answering();
    const wanted = this.#collector.wanted;
    const entries: JournaledBatch[] = [];
    for (const agent of AGENTS) {
      const due = this.#network.devices.filter(
        (device) => device.agent === agent && (wanted.has(device.name) || (this.#dueMs.get(device.name) ?? 0) <= nowMs),
      );
      if (this.#lost.has(agent)) continue;
      for (const { name } of due) {
        this.#dueMs.set(name, nowMs + INTERVAL_MS);
        wanted.delete(name);
      }
      const polls = due.map(({ name }) =>
        dayPoll(name, nowMs, answering.has(name) ? this.#network.interfaces(name, this.#minute) : null),
      );
      const sequence = (this.#sequences.get(agent) ?? 0) + 1;
      this.#sequences.set(agent, sequence);
      this.#position += 1;
      const events = agent === AGENTS[0] ? this.#floodOf(nowMs, answering) : [];
      entries.push(dayEntry({ position: this.#position, agent, sequence, receivedAtMs: nowMs }, polls, events));
    }
    this.#last = entries;
    await this.#collector.step(
      entries,
      AGENTS.filter((agent) => this.#lost.has(agent)),
    );
  }

  /** Users' ports that come and go, told by their devices. */
  #floodOf(nowMs: number, answering: ReadonlySet<string>): DeviceEvent[] {
    const devices = this.#network.devices.filter(({ name, agent }) => agent === AGENTS[0] && answering.has(name));
    const count = this.#flood;
    this.#flood = 0;
    return Array.from({ length: count }, (_, at) => ({
      id: `flood-${nowMs}-${at}`,
      device: devices[at % devices.length]?.name ?? null,
      source: '192.0.2.1',
      origin: 'trap' as const,
      name: at % 2 === 0 ? 'linkDown' : 'linkUp',
      observedAtMs: nowMs,
      uptimeTicks: null,
      interfaceKey: 'edge',
      details: [],
    }));
  }

  #receive({ key, items }: Message): void {
    for (const item of items) {
      const raising = `${item.alarm} ${item.raisedAt}`;
      const held = this.#heard.get(raising) ?? {
        name: `${item.alarmType} ${item.resource}`,
        raisedKeys: new Set<string>(),
        clearedKeys: new Set<string>(),
        atMs: this.#words.clock.now(),
      };
      this.#heard.set(raising, held);
      if (item.kind === 'raised') held.raisedKeys.add(key);
      if (item.kind === 'cleared') held.clearedKeys.add(key);
    }
  }

  async #changes(): Promise<bigint> {
    const { rows } = await this.#words.database.query<{ last: bigint | null }>(
      'select max(id) as last from faults.status_change',
    );
    return rows[0]?.last ?? 0n;
  }

  async #report(
    { name: act, told, maybe = [], quietUntilMs = 0 }: Act,
    after: bigint,
    beganMs: number,
  ): Promise<ActReport> {
    const { rows } = await this.#words.database.query<{ raised: bigint; still: bigint }>(
      `select (select count(*) from faults.status_change where id > $1 and severity <> 'cleared') as raised,
              (select count(*) from faults.alarm where not is_cleared) as still`,
      [after],
    );
    const heard = [...this.#heard.values()];
    const raised = Number(rows[0]?.raised ?? 0n);
    const names = heard.map(({ name }) => name);
    const missed = told.flatMap((one) => {
      const options = typeof one === 'string' ? [one] : one;
      return names.filter((name) => options.includes(name)).length === 1 ? [] : [options.join(' or ')];
    });
    const unended = heard.filter(({ clearedKeys }) => clearedKeys.size === 0).map(({ name }) => `the end of ${name}`);
    const still = Number(rows[0]?.still ?? 0n);
    const expected = new Set([...told.flat(), ...maybe]);
    return {
      act,
      expected: told.length,
      raised,
      folded: raised - heard.length,
      announced: heard.length,
      lost: [
        ...(this.#collector.dieAfterNextMessage ? ['the kill, which did not come'] : []),
        ...missed,
        ...unended,
        ...(still === 0 ? [] : [`the end of ${still} alarms`]),
      ],
      twice: heard.flatMap(({ name, raisedKeys, clearedKeys }) =>
        raisedKeys.size > 1 || clearedKeys.size > 1 ? [name] : [],
      ),
      needless: heard
        .filter(({ name, atMs }) => !expected.has(name) || atMs < beganMs + quietUntilMs)
        .map(({ name }) => name),
    };
  }
}

/** As a line of text for people. */
export function line(report: ActReport | undefined): string {
  if (report === undefined) return '';
  const { act, expected, raised, folded, announced, lost, twice, needless } = report;
  const cells = [act.padEnd(24), expected, raised, folded, announced, lost.length, twice.length, needless.length];
  const wrong = [...lost, ...twice, ...needless];
  return `${cells.map((cell) => String(cell).padStart(9)).join('')}${wrong.length === 0 ? '' : `  ${wrong.join('; ')}`}`;
}

export const HEADS = [
  'act'.padEnd(24),
  ...['expected', 'raised', 'folded', 'told', 'lost', 'twice', 'needless'].map((head) => head.padStart(9)),
].join('');
