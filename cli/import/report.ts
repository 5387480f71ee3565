// Tells what an import changes: as lines for a person, as one object for a program. No secret is in either.
import { printable } from '../text-table.ts';
import type { ImportPlan } from './plan.ts';

export function importLines(plan: ImportPlan, outcome: string): string[] {
  const { added, unchanged, conflicting, skipped, secrets, notes } = plan;
  const lines = [
    ...added.map(({ keys }) => `added        ${keys.name}  ${keys.address}  ${keys.credential ?? 'by ping alone'}`),
    ...unchanged.map((name) => `unchanged    ${name}`),
    ...conflicting.map(({ name, place, differences }) => {
      const told = differences.map(
        (one) => `${one.key} is ${one.configured || 'not set'}, ${place} of the export has ${one.imported || 'none'}`,
      );
      return `conflicting  ${name}: ${told.join('; ')}`;
    }),
    ...skipped.map(
      ({ place, name, reason }) => `skipped      ${name === '' ? place : `${name} (${place})`}: ${reason}`,
    ),
    ...secrets.map(
      ({ variable, set, devices, example }) =>
        `to set       ${variable}: of the credential set ${set}, for ${devices} ${devices === 1 ? 'device' : 'devices'} such as ${example}`,
    ),
    ...notes.map((note) => `note         ${note}`),
    `${added.length} added, ${unchanged.length} unchanged, ${conflicting.length} conflicting, ${skipped.length} skipped; ${outcome}`,
  ];
  return lines.map((line) => printable(line));
}

export function importDocument(
  plan: ImportPlan,
  written: boolean,
  yaml: string | null,
): Readonly<Record<string, unknown>> {
  return {
    added: plan.added.map(({ place, keys }) => ({ place, ...keys })),
    unchanged: plan.unchanged,
    conflicting: plan.conflicting,
    skipped: plan.skipped,
    credentials: plan.sets.map(({ name, placeholder }) => ({ name, placeholder })),
    secrets: plan.secrets,
    notes: plan.notes,
    written,
    ...(yaml === null ? {} : { yaml }),
  };
}
