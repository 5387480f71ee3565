// What one table of parts changes of what was known of them, and which of that people are told: pure.
import type { ChangeKind } from './change-book.ts';
import type { PartFacts, SeenPart, SeenParts } from './part-kinds.ts';

export interface KnownPart {
  readonly key: string;
  readonly facts: PartFacts;
  readonly gone: boolean;
}

export interface PartChange {
  readonly key: string;
  readonly kind: ChangeKind;
  readonly before: string | null;
  readonly after: string | null;
}

export interface PartDifference {
  /** New, other than before, or there again. */
  readonly written: readonly SeenPart[];
  /** Keys. */
  readonly gone: readonly string[];
  readonly changes: readonly PartChange[];
}

/** `first`: no complete table of the kind was seen before, so that nothing in this one is news. */
export function partDifference(known: readonly KnownPart[], seen: SeenParts, first: boolean): PartDifference {
  const before = new Map(known.map((part) => [part.key, part]));
  const written = seen.parts.filter(({ key, facts }) => {
    const was = before.get(key);
    return was === undefined || was.gone || !sameFacts(was.facts, facts);
  });
  const there = new Set(seen.parts.map(({ key }) => key));
  const gone = seen.complete ? known.filter((part) => !part.gone && !there.has(part.key)).map(({ key }) => key) : [];
  return { written, gone, changes: first ? [] : changesOf(known, seen, written, new Set(gone)) };
}

function changesOf(
  known: readonly KnownPart[],
  seen: SeenParts,
  written: readonly SeenPart[],
  gone: ReadonlySet<string>,
): PartChange[] {
  const present = new Map(known.filter((part) => !part.gone).map((part) => [part.key, part.facts]));
  if (seen.kind === 'module') return moduleChanges(present, seen, written, gone);
  if (seen.kind !== 'neighbour') return [];
  const came = written.filter(({ key }) => !present.has(key));
  return [
    ...came.map(({ key, facts }) => told(key, 'neighbour_new', null, neighbourText(facts))),
    ...[...gone].map((key) => told(key, 'neighbour_lost', neighbourText(present.get(key) ?? {}), null)),
  ];
}

/**
 * Of modules with a serial number: a device that numbers its entities anew after a restart has changed nothing, so it is the serial
 * numbers that are held against each other, and the slot only says which one took the place of which.
 */
function moduleChanges(
  present: ReadonlyMap<string, PartFacts>,
  seen: SeenParts,
  written: readonly SeenPart[],
  gone: ReadonlySet<string>,
): PartChange[] {
  const serialsBefore = new Set([...present.values()].map(serialOf));
  const serialsNow = new Set(seen.parts.map(({ facts }) => serialOf(facts)));
  const changes: PartChange[] = [];
  const done = new Set<string | null>([null]);
  const appeared = (serial: string | null): boolean => !done.has(serial) && !serialsBefore.has(serial);
  // Of a table that was cut short it is not known what is nowhere.
  const vanished = (serial: string | null): boolean => seen.complete && !done.has(serial) && !serialsNow.has(serial);
  for (const { key, facts } of written) {
    const was = present.get(key);
    if (was === undefined) continue;
    const [old, now] = [serialOf(was), serialOf(facts)];
    if (old !== now && appeared(now) && vanished(old)) {
      changes.push(told(key, 'module_replaced', moduleText(was), moduleText(facts)));
      done.add(old).add(now);
    } else if (old !== null && old === now && versionText(was) !== null && versionText(facts) !== null) {
      if (versionText(was) !== versionText(facts))
        changes.push(told(key, 'module_upgrade', versionText(was), versionText(facts)));
    }
  }
  for (const { key, facts } of written) {
    const serial = serialOf(facts);
    if (!appeared(serial)) continue;
    changes.push(told(key, 'module_new', null, moduleText(facts)));
    done.add(serial);
  }
  for (const [key, facts] of present) {
    const serial = serialOf(facts);
    // In its slot is another one that was elsewhere before, or nothing.
    if (!vanished(serial) || (!gone.has(key) && !written.some((part) => part.key === key))) continue;
    changes.push(told(key, 'module_gone', moduleText(facts), null));
    done.add(serial);
  }
  return changes;
}

function told(key: string, kind: ChangeKind, before: string | null, after: string | null): PartChange {
  return { key, kind, before, after };
}

function serialOf(facts: PartFacts): string | null {
  return textIn(facts, 'serial');
}

function versionText(facts: PartFacts): string | null {
  const parts = ['software', 'firmware'].map((name) => textIn(facts, name)).filter((text) => text !== null);
  return parts.length === 0 ? null : parts.join(' / ');
}

function moduleText(facts: PartFacts): string {
  const name = textIn(facts, 'name') ?? textIn(facts, 'description') ?? textIn(facts, 'class') ?? '?';
  const model = textIn(facts, 'model');
  return `${name}${model === null || model === name ? '' : `, ${model}`}, ${serialOf(facts) ?? 'no serial number'}`;
}

function neighbourText(facts: PartFacts): string {
  const far = [textIn(facts, 'remoteDevice') ?? '?', textIn(facts, 'remotePort')].filter((text) => text !== null);
  const local = textIn(facts, 'localInterface');
  return `${local === null ? '' : `${local}: `}${far.join(' ')}`;
}

function textIn(facts: PartFacts, name: string): string | null {
  const value = facts[name];
  return typeof value === 'string' ? value : null;
}

function sameFacts(one: PartFacts, other: PartFacts): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
