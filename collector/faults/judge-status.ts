// Whether an interface is up, as a poll or a notification says: down though it is wanted up, and flapping, of which only the settled state is told.
import type { EpochMs } from '../../common/model/time.ts';
import { type InterfaceMemory, NO_CHANGES, remember } from './device-memory.ts';
import { isActive, OFF, type Round } from './round.ts';
import { isRefused, isWanted } from './wanted.ts';

/** ifAdminStatus and ifOperStatus (RFC 2863 §6). */
const UP = 1;
const OPER_NAMES = ['', 'up', 'down', 'testing', 'unknown', 'dormant', 'notPresent', 'lowerLayerDown'];
/** testing, unknown and dormant are no faults: a link that waits is not broken. */
const FAULTY: ReadonlySet<number> = new Set([2, 6, 7]);

/** What rules of the status look at; a poll is one, a notification another. */
export type StatusRound = Pick<Round, 'memory' | 'rules' | 'atMs' | 'say' | 'around'>;

export function judgeStatus(round: StatusRound, found: InterfaceMemory, admin: number, oper: number): void {
  const { memory, rules } = round;
  // Nearly every interface at nearly every poll: up as it was, and nothing stands.
  if (oper === UP && admin === UP && isSteady(found) && memory.active.size === 0) return;
  if (oper === UP && !found.seenUp) remember(memory, found, { seenUp: true });
  const faulty = admin === UP && FAULTY.has(oper) && found.seenUp;
  if (faulty !== found.down && (faulty || oper === UP || admin > UP)) noteChange(round, found, faulty, admin > UP);
  if (found.changes.length > 0 && isFlapping(round, found, admin > UP)) return;
  const raised = memory.active.size > 0 && isActive(memory, resourceOf(round, found), 'interface-down');
  if (faulty && rules.interfaceDown.enabled) {
    // The status may go from down to lowerLayerDown: that is the same fault, told once.
    if (!raised) judgeDown(round, found, oper);
    else if (isRefused(round, found)) end(round, found, `${nameOf(round, found)} is not wanted up.`);
    else remember(memory, found, { upPolls: 0 });
  } else if (raised) judgeUp(round, found, oper === UP, admin > UP);
  else if (found.downPolls > 0) remember(memory, found, { downPolls: 0, downSinceMs: null });
}

function isSteady(found: InterfaceMemory): boolean {
  return found.seenUp && !found.down && found.downPolls === 0 && found.changes.length === 0;
}

function judgeDown(round: StatusRound, found: InterfaceMemory, oper: number): void {
  const { memory, rules, atMs, say } = round;
  const rule = rules.interfaceDown;
  if (!isWanted(round, found)) return;
  const downSinceMs = found.downSinceMs ?? atMs;
  remember(memory, found, { downPolls: Math.min(found.downPolls + 1, rule.raiseAfterPolls), downSinceMs });
  const settled = memory.bootedAtMs === null || atMs - memory.bootedAtMs >= rule.settleMs;
  if (found.downPolls < rule.raiseAfterPolls || atMs - downSinceMs < rule.raiseAfterMs || !settled) return;
  remember(memory, found, { downPolls: 0, downSinceMs: null, upPolls: 0 });
  const key = keyOf(round, found, 'interface-down');
  const text = `${nameOf(round, found)} is ${OPER_NAMES[oper] ?? 'down'}, though it is meant to be up.`;
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs, sinceMs: downSinceMs });
}

function judgeUp(round: StatusRound, found: InterfaceMemory, up: boolean, shut: boolean): void {
  const { memory, rules } = round;
  const rule = rules.interfaceDown;
  if (up && rule.enabled && found.upPolls + 1 < rule.clearAfterPolls)
    return remember(memory, found, { upPolls: found.upPolls + 1 });
  if (!up && !shut && rule.enabled) return;
  const name = nameOf(round, found);
  end(round, found, !rule.enabled ? OFF : shut ? `${name} was shut down by intent.` : `${name} is up again.`);
}

function end(round: StatusRound, found: InterfaceMemory, text: string): void {
  remember(round.memory, found, { upPolls: 0, downPolls: 0, downSinceMs: null });
  round.say({ active: false, ...keyOf(round, found, 'interface-down'), atMs: round.atMs, text });
}

/** Up to down or back. What nobody wants up may come and go; what was shut was not flapping. */
function noteChange(round: StatusRound, found: InterfaceMemory, down: boolean, shut: boolean): void {
  const { memory, rules, atMs } = round;
  if (shut || (down && !isWanted(round, found))) return remember(memory, found, { down });
  const { changes: most, withinMs } = rules.interfaceFlapping;
  const changes = [...found.changes.filter((changedAtMs) => atMs - changedAtMs < withinMs), atMs];
  remember(memory, found, { down, changes: changes.slice(-most) });
}

/** While it flaps, nothing else is told of its status; once it has been quiet for long enough, the settled state is. */
function isFlapping(round: StatusRound, found: InterfaceMemory, shut: boolean): boolean {
  const { memory, rules, atMs, say } = round;
  const rule = rules.interfaceFlapping;
  const key = keyOf(round, found, 'interface-flapping');
  const raised = isActive(memory, key.resource, 'interface-flapping');
  const stop = (text: string): false => {
    remember(memory, found, { changes: NO_CHANGES });
    say({ active: false, ...key, atMs, text });
    return false;
  };
  const name = nameOf(round, found);
  if (!rule.enabled || shut) return stop(rule.enabled ? `${name} was shut down by intent.` : OFF);
  const lastAtMs: EpochMs = found.changes.at(-1) ?? atMs;
  if (raised) return atMs - lastAtMs >= rule.settleMs ? stop(`${name} has kept its state since.`) : true;
  if (found.changes.length < rule.changes) return false;
  const text = `${name} is flapping: ${rule.changes} changes of its status since ${new Date(found.changes[0] ?? atMs).toISOString()}.`;
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs });
  return true;
}

function resourceOf({ memory }: StatusRound, found: InterfaceMemory): string {
  return `${memory.device}/${found.key}`;
}

function nameOf({ memory }: StatusRound, found: InterfaceMemory): string {
  return `${found.key} of ${memory.device}`;
}

function keyOf(
  round: StatusRound,
  found: InterfaceMemory,
  alarmType: 'interface-down' | 'interface-flapping',
): { readonly resource: string; readonly alarmType: typeof alarmType; readonly qualifier: string } {
  return { resource: resourceOf(round, found), alarmType, qualifier: '' };
}
