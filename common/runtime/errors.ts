// The only error that Weir throws on purpose: a code from the table, a sentence on what happened, and what to do about it.
import { ERROR_TABLE, type ErrorCode } from './error-table.ts';

export class WeirError extends Error {
  readonly code: ErrorCode;
  /** Facts for a program: never a secret. */
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, detail: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'WeirError';
    this.code = code;
    this.detail = detail;
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  /** What a person should do, from the table. */
  get remedy(): string {
    return ERROR_TABLE[this.code].remedy;
  }

  /** The body of every refusal: `{error: {code, message, detail}}`. */
  toBody(): { error: { code: string; message: string; detail: Readonly<Record<string, unknown>> } } {
    return { error: { code: this.code, message: `${this.message} ${this.remedy}`.trim(), detail: this.detail } };
  }
}

/** The message of anything that was thrown; never empty. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message || innerMessages(error) || error.name;
  try {
    return String(error) || 'an empty text was thrown';
  } catch {
    return 'something that is no error was thrown';
  }
}

/** Node tells of a name with several addresses, none of which answers, by an error that is empty itself. */
function innerMessages(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : '';
}

/** The code of a WeirError or of a system error (`ENOSPC`), else 'unexpected'. */
export function codeOf(error: unknown): string {
  if (error instanceof WeirError) return error.code;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return 'unexpected';
}
