// The whole configuration file: each app brings the shape of its own part, here they become one schema.
import { z } from 'zod';
import { agentShape, checkAgent } from '../agent/config.ts';
import { billingBridgeShape, checkBillingBridge } from '../billing-bridge/config.ts';
import { collectorShape } from '../collector/config.ts';
import { parseConfiguration, readConfigurationFile } from '../common/runtime/configuration.ts';
import { messageOf } from '../common/runtime/errors.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';

export const wholeSchema = z
  .strictObject({ ...agentShape, ...collectorShape, ...billingBridgeShape })
  .superRefine((whole, context) => {
    checkAgent(whole, context);
    checkBillingBridge(whole, context);
  });

export type WholeConfiguration = z.output<typeof wholeSchema>;

/** Reads and checks a configuration file; throws configuration_missing, configuration_syntax or configuration_invalid. */
export function loadWhole(file: string): WholeConfiguration {
  return parseConfiguration(readConfigurationFile(file), file, wholeSchema);
}

/** A sentence for each secret reference that does not resolve here. */
export function unresolvedSecrets(
  whole: WholeConfiguration,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const notes: string[] = [];
  const look = (where: string, reference: string | undefined): void => {
    if (reference === undefined) return;
    try {
      resolveSecret(reference, environment);
    } catch (error) {
      notes.push(`${where}: ${messageOf(error)}`);
    }
  };
  for (const [name, set] of Object.entries(whole.credentials)) {
    if (set.version === '3') {
      look(`credentials.${name}.auth_passphrase`, set.auth_passphrase);
      look(`credentials.${name}.priv_passphrase`, set.priv_passphrase);
    } else look(`credentials.${name}.community`, set.community);
  }
  return notes;
}
