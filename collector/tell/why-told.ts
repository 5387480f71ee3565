// "Why was I told of this, and why not?": what each subscriber was told of an alarm, and what stands between it and the next word.
import type { Database } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { type AlarmFacts, alarmsNow } from './alarms-now.ts';
import { judge, type Verdict } from './judge.ts';
import { alarmOfId, loadLedger } from './ledger.ts';
import { goesOutAtMs } from './messages-due.ts';
import { type ListedMessage, listMessages } from './outbox.ts';
import type { Route } from './route.ts';
import type { Belief, LedgerRow } from './told.ts';

export interface ToldTo {
  readonly channel: string;
  /** told: it knows how it is; in_hand: a message is on its way; waiting: to be gathered with others. */
  readonly state: 'told' | 'in_hand' | 'waiting' | 'not_told';
  readonly why: string;
  readonly text: string;
  readonly untilMs: EpochMs | null;
  readonly belief: Belief | null;
  readonly toldAtMs: EpochMs | null;
  readonly messages: readonly ListedMessage[];
}

export interface WhyToldDeps {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly facts: AlarmFacts;
  readonly routes: readonly Route[];
  readonly channels: readonly string[];
}

const MAX_MESSAGES = 200;

export class WhyTold {
  readonly #deps: WhyToldDeps;

  constructor(deps: WhyToldDeps) {
    this.#deps = deps;
  }

  /** Of every channel. Throws not_found. */
  async of(id: string): Promise<ToldTo[]> {
    const { database, clock, facts, routes, channels } = this.#deps;
    const nowMs = clock.now();
    const row = await alarmOfId(database, id);
    const [alarm] = row === null ? [] : await alarmsNow(database, [row], facts, nowMs);
    if (alarm === undefined) throw new WeirError('not_found', `There is no alarm ${id}.`, { alarm: id });
    const ledger = (await loadLedger(database, [id], new Set())).get(id) ?? new Map<string, LedgerRow>();
    const messages = await listMessages(database, { alarm: id, limit: MAX_MESSAGES });
    // A channel that is configured no more may have told of it.
    const names = new Set([...channels, ...ledger.keys(), ...messages.map(({ channel }) => channel)]);
    return [...names].map((channel) => {
      const held = ledger.get(channel);
      const own = messages.filter((message) => message.channel === channel);
      const verdict = judge({ alarm, channel, routes, ledger, nowMs });
      return {
        channel,
        belief: held?.belief ?? null,
        toldAtMs: held?.toldAtMs ?? null,
        messages: own,
        ...stateOf(held, own, verdict, nowMs),
      };
    });
  }
}

type State = Pick<ToldTo, 'state' | 'why' | 'text' | 'untilMs'>;

function stateOf(
  held: LedgerRow | undefined,
  messages: readonly ListedMessage[],
  verdict: Verdict,
  nowMs: EpochMs,
): State {
  const intent = held?.intent ?? null;
  if (intent !== null) return inHand(messages.find(({ id }) => id === intent.message));
  if (!verdict.due) {
    const { why, text, untilMs } = verdict;
    const [last] = messages.filter(({ state }) => state === 'done');
    if (why === 'never_told' && last !== undefined)
      return { state: 'told', why: 'told', text: `told that it is over at ${isoTime(last.doneAtMs ?? 0)}`, untilMs };
    return { state: why === 'told' ? 'told' : 'not_told', why, text, untilMs };
  }
  const untilMs = goesOutAtMs(verdict.route, held?.waitingSinceMs ?? nowMs);
  if (untilMs > nowMs)
    return { state: 'waiting', why: 'group', text: `gathered with others until ${isoTime(untilMs)}`, untilMs };
  return { state: 'waiting', why: 'storm', text: 'due; in a storm it is in the next digest', untilMs: null };
}

function inHand(message: ListedMessage | undefined): State {
  const base = { state: 'in_hand', untilMs: null } as const;
  if (message === undefined) return { ...base, why: 'sending', text: 'a message is written' };
  const { id, state, attempts, failure, nextTryMs } = message;
  if (state === 'dead')
    return { ...base, why: 'given_up', text: `message ${id} was given up after ${attempts} tries: ${failure}` };
  if (failure === null) return { ...base, why: 'sending', text: `message ${id} is on its way` };
  const text = `message ${id} failed ${attempts} times: ${failure}; tried again at ${isoTime(nextTryMs)}`;
  return { state: 'in_hand', why: 'failing', text, untilMs: nextTryMs };
}
