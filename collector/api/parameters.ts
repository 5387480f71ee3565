// Parameters that the routes of the collector share.
import { z } from 'zod';
import { pageParameters, timeParameter } from '../../common/http/parameters.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';

/** The longest page that the ports give. */
const MAX_PAGE = 1000;

export const collectorPage = {
  ...pageParameters,
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100).describe('items of a page'),
};

export const deviceName = z.string().min(1).max(63);
export const metricName = z
  .string()
  .min(1)
  .max(600)
  .describe('a name of /api/v1/metrics, sensor_CLASS, or point.MEASUREMENT.FIELD');
export const resourceName = z
  .string()
  .min(1)
  .max(600)
  .describe('`device`, `device/interfaceKey`, `device/processor:INDEX`, …');
export const idParameter = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const scopeSchema = z.strictObject({
  sites: z.array(z.string().min(1).max(100)).max(1000).default([]),
  customers: z.array(z.string().min(1).max(200)).max(1000).default([]),
});

export const spanParameters = {
  from: timeParameter.optional().describe('included; without it an hour before `to`'),
  to: timeParameter.optional().describe('not included any more; without it now'),
};

const HOUR_MS: DurationMs = 3_600_000;

export function spanOf(
  query: { readonly from?: EpochMs | undefined; readonly to?: EpochMs | undefined },
  nowMs: EpochMs,
): { readonly fromMs: EpochMs; readonly toMs: EpochMs } {
  const toMs = query.to ?? nowMs;
  const fromMs = query.from ?? toMs - HOUR_MS;
  if (fromMs < toMs) return { fromMs, toMs };
  throw new WeirError('invalid_request', 'from: expected a time before `to`.', {
    issues: [{ path: 'from', message: 'expected a time before `to`' }],
  });
}
