// The options of `npm run bench`: which parts, and in which form the rows are printed. Pure.
import { parseArgs } from 'node:util';
import { messageOf, WeirError } from '../common/runtime/errors.ts';

export const PARTS = ['agent', 'collector', 'bridge', 'dashboard', 'footprint'] as const;
/** Of faults; they take long, and only whoever names them waits for them. */
export const NAMED_PARTS = ['alarms', 'day', 'detection'] as const;
export type Part = (typeof PARTS)[number] | (typeof NAMED_PARTS)[number];
const ALL: readonly Part[] = [...PARTS, ...NAMED_PARTS];

export interface BenchOptions {
  readonly parts: readonly Part[];
  readonly json: boolean;
  readonly help: boolean;
}

export const USAGE = `usage: npm run bench [-- PART…] [-- --json]

  PART     ${PARTS.join(', ')}; default all of these, in this order
           ${NAMED_PARTS.join(', ')}: only where they are named (docs/benchmarks.md)
  --json   one object {rows, goal_met} on standard output, nothing else there

Exit codes: 0 measured, 1 something could not be measured, 2 misused. A missed goal is a row, not a failure.`;

/** Throws misused for what the command line must not hold. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parsed(args);
  const unknown = positionals.filter((name) => !isPart(name));
  if (unknown.length > 0) {
    throw new WeirError('misused', `There is no benchmark ${unknown.join(', ')}; there are ${ALL.join(', ')}.`);
  }
  const parts = positionals.length === 0 ? PARTS : ALL.filter((part) => positionals.includes(part));
  return { parts, json: values.json === true, help: values.help === true };
}

function parsed(args: readonly string[]): {
  values: { json?: boolean | undefined; help?: boolean | undefined };
  positionals: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
  } catch (cause) {
    throw new WeirError('misused', messageOf(cause), {}, cause);
  }
}

function isPart(name: string): name is Part {
  return ALL.some((part) => part === name);
}
