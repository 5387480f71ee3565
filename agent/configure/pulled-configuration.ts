// The devices of this agent as its collector gives them: their form, and how they lie on the disk.
import { z } from 'zod';
import { type DeviceConfiguration, deviceSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';

const documentSchema = z.strictObject({
  version: z.string().min(1).max(128),
  devices: z.array(deviceSchema).max(20_000),
});

export interface PulledConfiguration {
  readonly version: string;
  readonly devices: readonly DeviceConfiguration[];
}

const ISSUES_TOLD = 10;

/** Throws configuration_syntax or configuration_invalid, with the first of what is wrong in the message and `detail.issues`. */
export function readPulled(bytes: Buffer): PulledConfiguration {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new WeirError('configuration_syntax', 'The configuration that the collector gives is no JSON.', {}, cause);
  }
  const parsed = documentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  throw invalid(issues);
}

export function invalid(issues: readonly { readonly path: string; readonly message: string }[]): WeirError {
  const [first] = issues;
  const message = `The configuration that the collector gives: ${first?.path ?? ''}: ${first?.message ?? 'is not allowed'}`;
  return new WeirError('configuration_invalid', message, {
    issues: issues.slice(0, ISSUES_TOLD),
    count: issues.length,
  });
}

export function pulledToBytes(pulled: PulledConfiguration): Buffer {
  return Buffer.from(JSON.stringify(pulled));
}
