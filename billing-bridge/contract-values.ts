// The values that contracts are written in: decimals as text, instants, minutes of a day.
import { z } from 'zod';
import { Exact } from '../common/model/exact.ts';

/** A decimal as text, so that no float stands between the contract and the price; whole numbers may be written plain. */
const DECIMAL_EXPECTED = 'expected a decimal in quotes, such as "0.0125"';
export const decimal = z
  .union([z.string(), z.number().int()], DECIMAL_EXPECTED)
  .transform(String)
  .refine((text) => Exact.parse(text) !== null, DECIMAL_EXPECTED);
export const notNegative = decimal.refine(
  (text) => Exact.parse(text)?.isNegative() !== true,
  'a price cannot be negative [price_negative]',
);
export const positive = decimal.refine((text) => {
  const value = Exact.parse(text);
  return value === null || value.compare(Exact.zero) > 0;
}, 'expected more than zero');

const instantText = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;
/** A date (midnight in the customer's zone) or an instant with its offset. */
export const instant = z
  .string()
  .regex(instantText, 'expected a date such as 2026-11-01, or an instant such as 2026-11-01T00:00:00Z');

/** A minute of a day; 24:00 is its end. */
export const minuteText = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/;
