// Takes each corrective action from state to state. What is sent is sent under an id that is never given twice: where an answer is lost, the device is looked at, and nothing is sent again.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { WorkItem } from '../agents/work-item.ts';
import { checksOf, effectOf, type Observed, type Values, verdictOf } from './action-decisions.ts';
import type { ActionPlan, PlannedStep } from './action-plan.ts';
import { type ActionChange, type ActionRow, moveAction, openActions } from './action-store.ts';
import { askWork, findWork, isOpen, WEIR, type WorkPort } from './asked-work.ts';
import { plainWords } from './entry.ts';
import type { Facts } from './facts.ts';
import type { WebhookSender } from './webhook-sender.ts';
import { saidOf } from './work-findings.ts';

export interface ActionRunnerDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly work: WorkPort;
  readonly facts: Facts;
  readonly webhooks: WebhookSender;
}

/** Agents come for it within so long, or it is not done: an hour later nobody wants it any more. */
const SEND_MS: DurationMs = 60_000;
const CHECK_MS: DurationMs = 30_000;
/** Between two looks at what became of it: soon at first, then ever more rarely. */
const CHECK_FIRST_MS: DurationMs = 1000;
const CHECK_EVERY_MS: DurationMs = 15_000;
const MOST_OPEN = 200;

interface WantedWork {
  readonly kind: 'rehearse' | 'sequence';
  readonly id: string;
  readonly steps: readonly PlannedStep[];
  readonly sinceMs: EpochMs;
}

export class ActionRunner {
  readonly #reporter: Reporter;
  readonly #deps: ActionRunnerDeps;
  readonly #ended: CounterMetric;
  /** Webhooks that this process is just sending. */
  readonly #sending = new Set<bigint>();

  constructor(reporter: Reporter, deps: ActionRunnerDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#ended = reporter.counter('actions_total', 'Corrective actions that have ended, by what they were and how', [
      'action',
      'state',
    ]);
  }

  async goOn(): Promise<void> {
    for (const row of await openActions(this.#deps.database, MOST_OPEN)) {
      try {
        await this.#advance(row);
      } catch (error) {
        // Tried again with the next look; one that cannot be gone on with holds up no other.
        const [code, message] = [codeOf(error), messageOf(error)];
        this.#reporter.warn('a corrective action did not go on', { action: row.id.toString(), code, message });
      }
    }
  }

  async #advance(row: ActionRow): Promise<void> {
    const { plan } = row;
    if (plan === null) throw new Error(`BUG: the open action ${row.id} has no plan`);
    if (row.state === 'asked')
      return plan.webhook === null ? this.#send(row, plan) : this.#deliver(row, plan, plan.webhook);
    if (row.state === 'verifying') return this.#verify(row, plan);
    if (row.state === 'restoring') return this.#restore(row, plan);
    // One that this process is just sending goes on by itself.
    if (row.state === 'sending' && !this.#sending.has(row.id)) await this.#afterDoubt(row, plan);
  }

  /** First it is rehearsed: what the device has is known before anything is set, whatever becomes of the agent then. */
  async #send(row: ActionRow, plan: ActionPlan): Promise<void> {
    const kind = row.before === null ? ('rehearse' as const) : ('sequence' as const);
    const id = `action-${row.id}${kind === 'rehearse' ? '-before' : ''}`;
    const work = await this.#workOnce(row, { kind, id, steps: plan.steps, sinceMs: Number(row.created_at_ms) });
    if (work === null)
      return this.#move(row, { state: 'not_sent', message: 'it could not be given to the agent in time' });
    if (work === 'later') return;
    const effect = effectOf(work);
    if (effect === null) return;
    const message = plainWords(effect.message);
    const before = row.before ?? effect.before;
    if (kind === 'rehearse' && effect.outcome === 'done' && before !== null) {
      await this.#move(row, { before });
      return this.#send({ ...row, before }, plan);
    }
    // Of a rehearsal nothing is left behind, however it ended.
    if (kind === 'rehearse' || effect.outcome === 'never')
      return this.#move(row, { state: work.state === 'expired' ? 'not_sent' : 'failed', message });
    await this.#beginVerifying(row, plan, { outcome: effect.outcome, message, before });
  }

  async #beginVerifying(
    row: ActionRow,
    plan: ActionPlan,
    change: { readonly outcome: 'done' | 'unknown'; readonly message: string; readonly before: Values | null },
  ): Promise<void> {
    const nowMs = this.#deps.clock.now();
    const times = { effect_at_ms: nowMs, verify_until_ms: nowMs + plan.withinMs, check_at_ms: nowMs };
    await this.#move(row, { state: 'verifying', ...change, ...times });
  }

  /** The work of that id: asked for where it is not there yet and still wanted. Null: it never was, and is not any more. */
  async #workOnce(row: ActionRow, { kind, id, steps, sinceMs }: WantedWork): Promise<WorkItem | 'later' | null> {
    const { work, clock } = this.#deps;
    const found = await findWork(work, row.agent, id);
    if (found !== null) return found;
    const leftMs = sinceMs + SEND_MS - clock.now();
    if (leftMs < 1000) return null;
    const reason = `action ${row.id} (${row.action}) on alarm ${row.alarm}: ${row.reason}`;
    const by =
      row.role === 'operator' || row.role === 'administrator'
        ? ({ ...WEIR, name: row.requested_by, role: row.role } as const)
        : WEIR;
    try {
      return await askWork(work, row.agent, { kind, device: row.device, steps, id, reason, expiresMs: leftMs }, by);
    } catch (error) {
      if (codeOf(error) === 'overloaded') return 'later';
      throw error;
    }
  }

  async #verify(row: ActionRow, plan: ActionPlan): Promise<void> {
    const nowMs = this.#deps.clock.now();
    const round = row.check_number;
    const ids = { read: `action-${row.id}-read-${round}`, poll: `action-${row.id}-poll-${round}` };
    const works = { read: await this.#find(row, ids.read), poll: await this.#find(row, ids.poll) };
    const wantsValues = plan.expect.includes('values') && plan.steps.length > 0;
    const wantsPoll = plan.expect.some((one) => one !== 'values');
    const asked = works.read !== null || works.poll !== null;
    if (!asked && nowMs < Number(row.check_at_ms) && nowMs < Number(row.verify_until_ms)) return;
    if (!asked && (wantsValues || wantsPoll)) {
      if (wantsValues) await this.#look(row, 'read', ids.read, oidsOf(plan));
      if (wantsPoll) await this.#look(row, 'poll', ids.poll, []);
      return;
    }
    if (isOpen(works.read) || isOpen(works.poll)) return;
    const observed = await this.#observed(row, plan, works.read);
    const untilMs = Number(row.verify_until_ms);
    const { outcome, before } = row;
    const verdict = verdictOf({ plan, outcome: outcome ?? 'unknown', before, observed, untilMs, nowMs });
    const seen = { checks: checksOf(plan, observed), after: observed.values ?? row.after };
    if (verdict.next === 'wait')
      await this.#move(row, {
        ...seen,
        check_number: round + 1,
        check_at_ms: nowMs + Math.min(CHECK_EVERY_MS, CHECK_FIRST_MS * 2 ** round),
      });
    else
      await this.#move(row, { ...seen, state: verdict.next, message: told(row, verdict.message), check_at_ms: nowMs });
  }

  async #look(row: ActionRow, kind: 'read' | 'poll', id: string, oids: readonly string[]): Promise<void> {
    const reason = `to see what became of action ${row.id}`;
    // Where the agent has too much to do, the next look asks again.
    await askWork(this.#deps.work, row.agent, { kind, device: row.device, oids, id, reason, expiresMs: CHECK_MS });
  }

  #find(row: ActionRow, id: string): Promise<WorkItem | null> {
    return findWork(this.#deps.work, row.agent, id);
  }

  async #observed(row: ActionRow, plan: ActionPlan, read: WorkItem | null): Promise<Observed> {
    const { facts } = this.#deps;
    const said = read?.state === 'done' ? saidOf(read) : null;
    const port = plan.expect.includes('interface_up') ? await facts.port(row.target) : null;
    const polled = port !== null && port.seenAtMs >= Number(row.effect_at_ms);
    const alarm = await facts.alarm(row.alarm.toString());
    return {
      values:
        said === null
          ? null
          : Object.fromEntries(
              oidsOf(plan).flatMap((oid) => {
                const value = said.get(`value.${oid}`);
                return value === undefined ? [] : [[oid, value]];
              }),
            ),
      interfaceUp: polled ? port.operStatus === 1 : null,
      // One that was raised anew stands as before.
      alarmCleared: alarm === null || alarm.isCleared,
    };
  }

  async #restore(row: ActionRow, plan: ActionPlan): Promise<void> {
    const before = row.before ?? {};
    const varbinds = plan.steps
      .flatMap((step) => step.varbinds)
      .filter(({ oid }, at, all) => before[oid] !== undefined && all.findIndex((one) => one.oid === oid) === at)
      .map((varbind) => ({ ...varbind, value: before[varbind.oid] ?? varbind.value }));
    const sinceMs = Number(row.check_at_ms);
    const work = await this.#workOnce(row, {
      kind: 'sequence',
      id: `action-${row.id}-restore`,
      steps: [{ varbinds, pauseMs: 0 }],
      sinceMs,
    });
    if (work === 'later') return;
    if (work === null)
      return this.#move(row, {
        state: 'restore_failed',
        message: told(row, 'it could not be given to the agent in time'),
      });
    const effect = effectOf(work);
    if (effect === null) return;
    const after = work.state === 'done' ? afterOf(work, row.after) : row.after;
    if (effect.outcome === 'done')
      return this.#move(row, { state: 'restored', message: told(row, 'what was before is set again'), after });
    await this.#move(row, { state: 'restore_failed', message: told(row, effect.message), after });
  }

  /** Marked before it goes out, so that whoever finds it marked sends it no more. */
  async #deliver(row: ActionRow, plan: ActionPlan, webhook: string): Promise<void> {
    const nowMs = this.#deps.clock.now();
    if (nowMs - Number(row.created_at_ms) > SEND_MS)
      return this.#move(row, { state: 'not_sent', message: 'no collector sent it in time' });
    this.#sending.add(row.id);
    if (!(await moveAction(this.#deps.database, row, { state: 'sending' }, nowMs)))
      return void this.#sending.delete(row.id);
    const sending = { ...row, state: 'sending' as const };
    const alarm = await this.#deps.facts.alarm(row.alarm.toString());
    void this.#deps.webhooks
      .send(webhook, { key: row.key, body: bodyOf(row, alarm) })
      .then(({ outcome, message }) =>
        outcome === 'never'
          ? this.#move(sending, { state: 'failed', message })
          : this.#beginVerifying(sending, plan, { outcome, message, before: null }),
      )
      .catch((error: unknown) => {
        this.#reporter.warn('what became of a webhook was not kept', {
          action: row.id.toString(),
          message: messageOf(error),
        });
      });
  }

  #afterDoubt(row: ActionRow, plan: ActionPlan): Promise<void> {
    const message = 'the collector ended while it sent this; nobody knows whether it arrived';
    return this.#beginVerifying(row, plan, { outcome: 'unknown', message, before: null });
  }

  async #move(row: ActionRow, change: ActionChange): Promise<void> {
    const { database, clock } = this.#deps;
    const nowMs = clock.now();
    const ended = change.state !== undefined && !['verifying', 'restoring', 'sending'].includes(change.state);
    const moved = await database.transaction(async (connection) => {
      const done = await moveAction(connection, row, change, nowMs);
      if (done && ended)
        await recordAudit(connection, {
          atMs: nowMs,
          actor: 'system',
          role: 'system',
          action: 'alarm.action-end',
          subject: `alarm/${row.alarm}`,
          before: { state: row.state },
          after: { id: row.id.toString(), action: row.action, target: row.target, state: change.state },
          note: change.message ?? '',
        });
      return done;
    });
    if (!moved || !ended) return;
    this.#ended.add(1, { action: row.action, state: change.state ?? '' });
    const { action, target, requested_by: by } = row;
    this.#reporter.info('corrective action ended', { id: row.id.toString(), action, target, by, state: change.state });
  }
}

function oidsOf({ steps, expected }: ActionPlan): string[] {
  const set = steps.flatMap(({ varbinds }) => varbinds.map(({ oid }) => oid));
  return [...new Set([...set, ...expected.map(({ oid }) => oid)])];
}

/** What was said of the sending stays before what is said of the end. */
function told({ message }: ActionRow, more: string): string {
  return plainWords(message === '' || message === 'done' ? more : `${message}; ${more}`);
}

function afterOf(work: WorkItem, before: Values | null): Values | null {
  const after = [...saidOf(work)].filter(([name]) => name.startsWith('after.'));
  return after.length === 0
    ? before
    : { ...before, ...Object.fromEntries(after.map(([name, value]) => [name.slice(6), value])) };
}

function bodyOf(row: ActionRow, alarm: Awaited<ReturnType<Facts['alarm']>>): object {
  return {
    id: row.id.toString(),
    key: row.key,
    action: row.action,
    target: row.target,
    device: row.device,
    requestedBy: row.requested_by,
    policy: row.policy,
    reason: row.reason,
    alarm:
      alarm === null
        ? { id: row.alarm.toString() }
        : {
            id: alarm.id,
            resource: alarm.resource,
            alarmType: alarm.alarmType,
            severity: alarm.severity,
            text: alarm.text,
          },
  };
}
