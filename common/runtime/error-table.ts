// Every error code of Weir: what it means and what to do. docs/errors.md is made from this table (npm run docs:errors), a test holds the two together.
import { AGENT_ERRORS } from './error-codes/agent.ts';
import { TRAP_ERRORS } from './error-codes/agent-trap.ts';
import { BILLING_ERRORS } from './error-codes/billing.ts';
import { COLLECTOR_ERRORS } from './error-codes/collector.ts';
import { DATABASE_ERRORS } from './error-codes/database.ts';
import type { ErrorEntry } from './error-codes/entry.ts';
import { GENERAL_ERRORS } from './error-codes/general.ts';
import { REPAIR_ERRORS } from './error-codes/repair.ts';

export const ERROR_TABLE = {
  ...GENERAL_ERRORS,
  ...AGENT_ERRORS,
  ...TRAP_ERRORS,
  ...DATABASE_ERRORS,
  ...BILLING_ERRORS,
  ...COLLECTOR_ERRORS,
  ...REPAIR_ERRORS,
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(ERROR_TABLE)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([code, { status, meaning, remedy }]) => `| \`${code}\` | ${status} | ${meaning} | ${remedy} |`);
  return [
    '# Error codes',
    '',
    'Every refusal of Weir carries a code from this table: over HTTP as `{"error": {"code", "message", "detail"}}`, on the command line in brackets at the end of the message. Made from `common/runtime/error-codes` by `npm run docs:errors`.',
    '',
    '| code | HTTP | what it means | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
