// The two ends of a link held against each other: speeds, frame sizes, duplex and VLANs that differ. Pure but for the memory it brings up to date.
import type { EpochMs } from '../../common/model/time.ts';
import type { AgentMemory } from './agent-memory.ts';
import { type AlarmChange, alarmKeyText, settle, type Verdict } from './alarm-machine.ts';
import type { FaultRules } from './fault-rules.ts';
import { OFF } from './round.ts';

export interface EndOfLink {
  readonly device: string;
  readonly interfaceKey: string;
  readonly speedBps: number | null;
  readonly mtu: number | null;
  /** As the port says of itself, or its neighbour of it. */
  readonly duplex: 'half' | 'full' | null;
  /** Of frames without a tag (PVID, native VLAN), as its neighbour or the port says. */
  readonly vlan: number | null;
  /** ifOperStatus says up. */
  readonly up: boolean;
}

export type LinkEnds = readonly [EndOfLink, EndOfLink];

const ASPECTS = ['speed', 'mtu', 'duplex', 'vlan'] as const;
type Aspect = (typeof ASPECTS)[number];

/** Mismatches that wait until they have stood for long enough. */
const MAX_WAITING = 20_000;

/**
 * `since`: when each mismatch was first seen; names of interfaces are read once an hour, so that one end may be told before the other.
 * `complete`: all links are there, and an alarm of one that is not ends.
 */
export function judgeLinks(
  memory: AgentMemory,
  rules: FaultRules,
  links: readonly LinkEnds[],
  since: Map<string, EpochMs>,
  { nowMs, complete }: { readonly nowMs: EpochMs; readonly complete: boolean },
): AlarmChange[] {
  const changes: AlarmChange[] = [];
  const say = (verdict: Verdict): void => {
    const change = settle(memory.active, verdict);
    if (change !== null) changes.push(change);
  };
  const seen = new Set<string>();
  for (const ends of links) {
    const [a, b] = inOrder(ends);
    for (const aspect of ASPECTS) {
      const resource = `${a.device}/${a.interfaceKey}`;
      const qualifier = `${aspect} ${b.device}/${b.interfaceKey}`;
      const key = { resource, alarmType: 'link-mismatch', qualifier, atMs: nowMs } as const;
      const name = alarmKeyText(key);
      seen.add(name);
      const differs = !rules.linkMismatch.enabled ? false : differ(a, b, aspect, rules);
      if (differs !== true) {
        if (differs === false) since.delete(name);
        if (differs === false && memory.active.has(name))
          say({
            active: false,
            ...key,
            text: rules.linkMismatch.enabled ? `Both ends have the same ${NAMES[aspect]} now.` : OFF,
          });
        continue;
      }
      if (!since.has(name) && since.size < MAX_WAITING) since.set(name, nowMs);
      if (nowMs - (since.get(name) ?? nowMs) < rules.linkMismatch.raiseAfterMs) continue;
      const text = `The ends of a link have a different ${NAMES[aspect]}: ${words(a, aspect)}, and ${words(b, aspect)}.`;
      if (!memory.active.has(name))
        say({ active: true, ...key, severity: rules.linkMismatch.severity, text, threshold: null });
    }
  }
  if (complete)
    for (const [name, held] of memory.active)
      if (!seen.has(name)) say({ ...held, active: false, atMs: nowMs, text: 'The link is there no more.' });
  for (const name of since.keys()) if (!seen.has(name)) since.delete(name);
  return changes;
}

/** Which of the two is told of it must not depend on who has spoken first. */
function inOrder([a, b]: LinkEnds): LinkEnds {
  return `${a.device}/${a.interfaceKey}` <= `${b.device}/${b.interfaceKey}` ? [a, b] : [b, a];
}

const NAMES = { speed: 'speed', mtu: 'frame size', duplex: 'duplex', vlan: 'VLAN of frames without a tag' } as const;

/** Null where it cannot be known: a port that is down has the speed that it was set to, or none. */
function differ(a: EndOfLink, b: EndOfLink, aspect: Aspect, rules: FaultRules): boolean | null {
  if (!a.up || !b.up) return null;
  if (aspect === 'duplex') return a.duplex === null || b.duplex === null ? null : a.duplex !== b.duplex;
  const [one, other] = { speed: [a.speedBps, b.speedBps], mtu: [a.mtu, b.mtu], vlan: [a.vlan, b.vlan] }[aspect];
  if (one === undefined || one === null || other === undefined || other === null || one <= 0 || other <= 0) return null;
  // Makers count with or without the header and tags of a frame.
  return Math.abs(one - other) > (aspect === 'mtu' ? rules.linkMismatch.mtuToleranceBytes : 0);
}

function words(end: EndOfLink, aspect: Aspect): string {
  const figure = {
    speed: `${(end.speedBps ?? 0) / 1e6} Mbit/s`,
    mtu: `${end.mtu ?? 0} octets`,
    duplex: `${end.duplex ?? 'unknown'} duplex`,
    vlan: `VLAN ${end.vlan ?? 0}`,
  }[aspect];
  return `${end.interfaceKey} of ${end.device} has ${figure}`;
}
