// Whose fault a failed projection is: the entry's, which may be set aside, or that of what lies around it, which is waited for.
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';

/** SQLSTATE classes that speak of the data in hand: cardinality, data exception, integrity, check option, and what is too large for the database. */
const DATA_STATE = /^(21|22|23|44|54)[0-9A-Z]{3}$/;
const ANY_STATE = /^[0-9A-Z]{5}$/;
/** Errors that DuckDB tells only by their text. */
const SURROUNDINGS = /\b(IO Error|Out of Memory|No space left|Connection Error|Interrupt)/i;

/** True where applying another entry in its place might well succeed. */
export function isEntrysFault(error: unknown): boolean {
  if (error instanceof WeirError) return error.code.startsWith('batch_');
  const code = codeOf(error);
  if (code !== 'unexpected') {
    if (ANY_STATE.test(code)) return DATA_STATE.test(code);
    // Codes of Node: RangeError and its like are ERR_…; the rest are errno names such as ENOSPC.
    return code.startsWith('ERR_');
  }
  return !SURROUNDINGS.test(messageOf(error));
}
