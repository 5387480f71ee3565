// Tells who tells people which alarms are symptoms, and which are held until it is known whether they are.
import type { Queryable } from '../../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import type { AlarmRow } from '../alarm-row.ts';
import type { Silence, SilenceSource } from '../silence.ts';
import { CAUSAL_TYPES, SITE_GONE } from './causes.ts';
import type { DecideConfig } from './decisions.ts';

interface Row {
  readonly alarm: bigint;
  readonly root: bigint | null;
  readonly root_text: string | null;
  readonly root_active: boolean;
  readonly root_cleared_at_ms: bigint | null;
  readonly held_until_ms: bigint | null;
  readonly raised_at_ms: bigint;
  readonly reason: string;
}

/** Alarms that wait for a decision, remembered since when; beyond it one is told without waiting. */
const MOST_WAITING = 100_000;

export class CauseSilence implements SilenceSource {
  readonly #config: DecideConfig;
  /** By id and raising: when it was first asked for without a decision. */
  readonly #waitingSinceMs = new Map<string, EpochMs>();

  /** How long an alarm waits for a decision, should there be nobody who decides. */
  constructor(config: DecideConfig) {
    this.#config = config;
  }

  async silencesOf(
    connection: Queryable,
    alarms: readonly AlarmRow[],
    nowMs: EpochMs,
  ): Promise<ReadonlyMap<string, Silence>> {
    const asked = alarms.filter((alarm) => !alarm.is_cleared && CAUSAL_TYPES.includes(alarm.alarm_type));
    if (asked.length === 0) return new Map();
    const { rows } = await connection.query<Row>(
      `select cause.alarm, cause.root, root.text as root_text, coalesce(not root.is_cleared, false) as root_active, root.cleared_at_ms as root_cleared_at_ms,
              cause.held_until_ms, cause.raised_at_ms, cause.reason
         from faults.cause cause left join faults.alarm root on root.id = cause.root
        where cause.alarm = any($1::int8[])`,
      [asked.map(({ id }) => id)],
    );
    const decided = new Map(rows.map((row) => [row.alarm, row]));
    const found = new Map<string, Silence>();
    for (const alarm of asked) {
      const row = decided.get(alarm.id);
      const silence =
        row !== undefined && row.raised_at_ms === alarm.raised_at_ms
          ? silenceOf(row, nowMs, this.#config.recoveryMs)
          : this.#wait(alarm, nowMs);
      if (silence !== null) found.set(alarm.id.toString(), silence);
    }
    this.#forget(nowMs);
    return found;
  }

  /** Nothing was decided yet: the correlator looks within a second, where there is one. */
  #wait(alarm: AlarmRow, nowMs: EpochMs): Silence | null {
    // That of a site is raised by the decision itself.
    if (alarm.alarm_type === SITE_GONE) return null;
    const key = `${alarm.id} ${alarm.raised_at_ms}`;
    const sinceMs = this.#waitingSinceMs.get(key) ?? nowMs;
    if (this.#waitingSinceMs.size < MOST_WAITING) this.#waitingSinceMs.set(key, sinceMs);
    else if (!this.#waitingSinceMs.has(key)) return null;
    const untilMs = sinceMs + this.#config.holdMs;
    return nowMs >= untilMs ? null : { kind: 'held', text: 'its cause has not been looked for yet', untilMs };
  }

  /** Twice the time: one that was told is not asked about as if it were new. */
  #forget(nowMs: EpochMs): void {
    for (const [key, sinceMs] of this.#waitingSinceMs) {
      if (nowMs - sinceMs < 2 * this.#config.holdMs + 60_000) return;
      this.#waitingSinceMs.delete(key);
    }
  }
}

function silenceOf(row: Row, nowMs: EpochMs, recoveryMs: DurationMs): Silence | null {
  const { root, held_until_ms: heldUntilMs, reason } = row;
  if (heldUntilMs !== null) {
    // Whoever decides may be away: the time that was said holds all the same.
    return nowMs >= Number(heldUntilMs)
      ? null
      : { kind: 'held', text: `held: ${reason}`, untilMs: Number(heldUntilMs) };
  }
  if (root === null) return null;
  const text = `symptom of alarm ${root}: ${row.root_text ?? reason}`;
  if (row.root_active) return { kind: 'symptom', text, untilMs: null };
  // Between the end of its root and the next decision it is not told either.
  const untilMs = Number(row.root_cleared_at_ms ?? 0n) + recoveryMs;
  return nowMs >= untilMs ? null : { kind: 'held', text, untilMs };
}
