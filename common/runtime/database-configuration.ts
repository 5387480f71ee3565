// The part of the configuration that collector and bridge share: where the relational database is.
import { z } from 'zod';

export const portSchema = z.number().int().min(1).max(65_535);

/** Without a url the embedded PostgreSQL of `weir up`, on that port. The url may be a reference (common/runtime/secrets.ts). */
export const databaseSchema = z
  .strictObject({ url: z.string().min(1).optional(), port: portSchema.default(5433) })
  .prefault({});
