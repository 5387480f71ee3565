// What one subscriber is to be told of one alarm now: the difference between what it was last told and what is so. Pure; decides from state, never from an edge.
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { opensAtMs, type Route, whyNot, whyTooLow, whyTooMild } from './route.ts';
import type { AlarmNow, Belief, ItemKind, LedgerRow } from './told.ts';

export type Verdict =
  | { readonly due: true; readonly kind: ItemKind; readonly belief: Belief | null; readonly route: Route | null }
  | {
      readonly due: false;
      readonly why: WhyNot;
      /** For people. */
      readonly text: string;
      /** When it is to be looked at again; null where a change says so. */
      readonly untilMs: EpochMs | null;
      /** It is over, and this subscriber wants no word of that: what it believes is forgotten. */
      readonly forget?: boolean;
    };

export type WhyNot =
  | 'told'
  | 'never_told'
  | 'no_route'
  | 'hours'
  | 'closed'
  | 'held'
  | 'symptom'
  | 'maintenance'
  | 'shelved';

export interface Question {
  readonly alarm: AlarmNow;
  readonly channel: string;
  readonly routes: readonly Route[];
  /** Of this alarm, by channel. */
  readonly ledger: ReadonlyMap<string, LedgerRow>;
  readonly nowMs: EpochMs;
}

/** What is in hand already is not looked at here. */
export function judge(question: Question): Verdict {
  const { alarm, channel, ledger } = question;
  const belief = ledger.get(channel)?.belief ?? null;
  if (alarm.row.is_cleared)
    return belief === null ? no('never_told', 'it was over before it was told') : clear(question);
  if (belief !== null) return difference(question, belief);
  const { silence } = alarm;
  if (silence !== null) return no(silence.kind, silence.text, silence.untilMs);
  if (alarm.row.operator_state === 'closed') return no('closed', `closed by ${alarm.row.operator ?? 'an operator'}`);
  return raise(question);
}

/** Whoever was told of a fault is told that it is over, whatever is silent meanwhile. */
function clear(question: Question): Verdict {
  const routes = followed(question);
  if (routes.length > 0 && !routes.some(({ updates }) => updates.clear))
    return {
      due: false,
      why: 'told',
      text: 'it is over, and the route wants no word of that',
      untilMs: null,
      forget: true,
    };
  return open(question, routes, 'cleared', null);
}

function difference(question: Question, belief: Belief): Verdict {
  const { alarm, channel, ledger, nowMs } = question;
  if (alarm.silence !== null) return no(alarm.silence.kind, alarm.silence.text, alarm.silence.untilMs);
  const now = beliefOf(alarm);
  const routes = followed(question);
  const wants = (update: 'severity' | 'acknowledgement'): boolean =>
    routes.length === 0 || routes.some(({ updates }) => updates[update]);
  if (now.severity !== belief.severity && wants('severity')) return open(question, routes, 'changed', now);
  if (now.operatorState !== belief.operatorState && wants('acknowledgement'))
    return open(question, routes, 'acknowledged', now);
  const toldAtMs = ledger.get(channel)?.toldAtMs ?? nowMs;
  const told = `told at ${isoTime(toldAtMs)}`;
  if (now.operatorState !== 'none') return no('told', told);
  const repeats = routes.filter((route) => route.repeatMs > 0 && whyTooMild(route, alarm) === null);
  const nextMs = Math.min(...repeats.map(({ repeatMs }) => toldAtMs + repeatMs));
  if (nextMs <= nowMs) return open(question, repeats, 'reminder', now);
  return no('told', told, Number.isFinite(nextMs) ? nextMs : null);
}

function raise(question: Question): Verdict {
  const { alarm, channel, routes, nowMs } = question;
  const taking: Route[] = [];
  const reasons: string[] = [];
  let [untilMs, isEscalated] = [Infinity, true];
  for (const route of routes) {
    const own = route.escalation.filter((step) => step.channels.includes(channel));
    const steps = own.filter((step) => whyTooLow(step, alarm) === null);
    const first = route.channels.includes(channel);
    if (!first && own.length === 0) continue;
    const [tooLow = null] = first || steps.length > 0 ? [] : own.map((step) => whyTooLow(step, alarm));
    const why = whyNot(route, alarm) ?? whyTooMild(route, alarm) ?? tooLow;
    if (why !== null) {
      reasons.push(`route ${route.name}: ${why}`);
      continue;
    }
    if (first) {
      taking.push(route);
      isEscalated = false;
      continue;
    }
    const { text, dueMs } = escalation(question, route, Math.min(...steps.map(({ afterMs }) => afterMs)));
    if (dueMs !== null && dueMs <= nowMs) taking.push(route);
    else {
      reasons.push(`route ${route.name}: ${text}`);
      untilMs = Math.min(untilMs, dueMs ?? Infinity);
    }
  }
  if (taking.length > 0) return open(question, taking, isEscalated ? 'escalated' : 'raised', beliefOf(alarm));
  const text = reasons.length === 0 ? 'no route leads there' : reasons.join('; ');
  return no('no_route', text, Number.isFinite(untilMs) ? untilMs : null);
}

/** When the alarm goes on to the next, without an acknowledgement of those before. */
function escalation(
  { alarm, ledger }: Question,
  route: Route,
  afterMs: number,
): { readonly text: string; readonly dueMs: EpochMs | null } {
  if (alarm.row.operator_state !== 'none')
    return { text: `acknowledged by ${alarm.row.operator ?? 'an operator'}`, dueMs: null };
  const begins = route.channels.flatMap((name) => ledger.get(name)?.sinceMs ?? []);
  if (begins.length === 0) return { text: 'its first channel was not told yet', dueMs: null };
  // An alarm that was raised anew is another occasion to acknowledge.
  const sinceMs = Math.max(Math.min(...begins), Number(alarm.row.raised_at_ms));
  const dueMs = sinceMs + afterMs;
  return { text: `escalated at ${isoTime(dueMs)}, if nobody acknowledges`, dueMs };
}

/** Routes by which a subscriber that was told goes on being told: a severity that sank below theirs is a change, not an end. */
function followed({ alarm, channel, routes }: Question): Route[] {
  return routes.filter(
    (route) =>
      (route.channels.includes(channel) || route.escalation.some((step) => step.channels.includes(channel))) &&
      whyNot(route, alarm) === null,
  );
}

/** Due, unless every route that asks for it is outside its hours. */
function open({ nowMs }: Question, routes: readonly Route[], kind: ItemKind, belief: Belief | null): Verdict {
  const opening = routes.map((route) => ({ route, atMs: opensAtMs(route.hours, nowMs) }));
  const now = opening.find(({ atMs }) => atMs === null);
  if (now !== undefined || routes.length === 0) return { due: true, kind, belief, route: now?.route ?? null };
  const nextMs = Math.min(...opening.map(({ atMs }) => atMs ?? Infinity));
  const when = Number.isFinite(nextMs) ? isoTime(nextMs) : 'never';
  return no('hours', `outside the hours of ${routes.map(({ name }) => name).join(', ')} until ${when}`, nextMs);
}

export function beliefOf({ row }: AlarmNow): Belief {
  return { severity: row.severity, operatorState: row.operator_state };
}

/** Whether a message that is written still says what is to be said. */
export function stillSays(
  intent: { readonly kind: ItemKind; readonly belief: Belief | null },
  verdict: Verdict,
): boolean {
  if (!verdict.due || isFirst(intent.kind) !== isFirst(verdict.kind)) return false;
  if (intent.belief === null || verdict.belief === null) return intent.belief === verdict.belief;
  return (
    intent.belief.severity === verdict.belief.severity && intent.belief.operatorState === verdict.belief.operatorState
  );
}

function isFirst(kind: ItemKind): boolean {
  return kind === 'raised' || kind === 'escalated';
}

function no(why: WhyNot, text: string, untilMs: EpochMs | null = null): Verdict {
  return { due: false, why, text, untilMs };
}
