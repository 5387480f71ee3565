// What an agent says of a batch in the headers of its request, and the codes for what is wrong with it.
import { z } from 'zod';
import { nameSchema } from '../../common/runtime/device-configuration.ts';

export const BATCH_CONTENT_TYPE = 'application/vnd.weir.batch';

const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, 'expected a whole number')
  .transform(Number);

export const incarnationSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/, 'expected 8 to 64 letters, digits, "_" or "-"');

export const batchHeadersSchema = z
  .object({
    'weir-agent': nameSchema,
    'weir-incarnation': incarnationSchema,
    'weir-sequence': wholeNumber.refine((sequence) => sequence >= 1, 'expected 1 or more'),
    'weir-sha256': z.string().regex(/^[0-9a-fA-F]{64}$/, 'expected 64 hexadecimal digits'),
    'weir-sent-at': wholeNumber,
    /** The oldest sequence that the agent still has; sent by an agent whose spool does not begin at 1 any more. */
    'weir-oldest': wholeNumber.optional(),
  })
  .refine((headers) => (headers['weir-oldest'] ?? 1) <= headers['weir-sequence'], {
    path: ['weir-oldest'],
    message: 'expected at most weir-sequence',
  })
  .transform((headers) => ({
    agent: headers['weir-agent'],
    incarnation: headers['weir-incarnation'],
    sequence: headers['weir-sequence'],
    sha256: headers['weir-sha256'].toLowerCase(),
    sentAtMs: headers['weir-sent-at'],
    oldestSequence: headers['weir-oldest'] ?? null,
  }));

export type BatchHeaders = z.output<typeof batchHeadersSchema>;
