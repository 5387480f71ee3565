// The whole configuration file: each app brings the shape of its own part, here they become one schema.
import { z } from 'zod';
import { agentConfig, agentShape, checkAgent, checkTraps } from '../agent/config.ts';
import { SHORTEST_PASSPHRASE } from '../agent/snmp/usm.ts';
import { billingBridgeShape, checkBillingBridge } from '../billing-bridge/config.ts';
import { collectorShape } from '../collector/config.ts';
import { TlsFiles } from '../common/runtime/tls-files.ts';
import { SystemClock } from '../common/runtime/clock.ts';
import { parseConfiguration, readConfigurationFile } from '../common/runtime/configuration.ts';
import { messageOf } from '../common/runtime/errors.ts';
import { createReporter } from '../common/runtime/reporter.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';

export const wholeSchema = z
  .strictObject({ ...agentShape, ...collectorShape, ...billingBridgeShape })
  .superRefine((whole, context) => {
    checkAgent(whole, context);
    checkTraps(whole, context);
    checkBillingBridge(whole, context);
  });

export type WholeConfiguration = z.output<typeof wholeSchema>;

/** Reads and checks a configuration file; throws configuration_missing, configuration_syntax or configuration_invalid. */
export function loadWhole(file: string): WholeConfiguration {
  return parseConfiguration(readConfigurationFile(file), file, wholeSchema);
}

/** A sentence for each secret or file that cannot be had here, and for each passphrase of SNMPv3 that is shorter than the standard wants. */
export function unresolvedSecrets(
  whole: WholeConfiguration,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const notes: string[] = [];
  const look = (where: string, reference: string | undefined, shortest = 0): void => {
    if (reference === undefined) return;
    try {
      if (resolveSecret(reference, environment).length >= shortest) return;
      notes.push(`${where}: shorter than ${shortest} characters (RFC 3414 §11.2): most equipment refuses it`);
    } catch (error) {
      notes.push(`${where}: ${messageOf(error)}`);
    }
  };
  for (const [name, set] of Object.entries(whole.credentials)) {
    if (set.version === '3') {
      look(`credentials.${name}.auth_passphrase`, set.auth_passphrase, SHORTEST_PASSPHRASE);
      look(`credentials.${name}.priv_passphrase`, set.priv_passphrase, SHORTEST_PASSPHRASE);
    } else look(`credentials.${name}.community`, set.community);
  }
  look('agent.token', whole.agent.token);
  look('billing_bridge.collector_token', whole.billing_bridge.collector_token);
  look('collector.store.influxdb.token', whole.collector.store.influxdb?.token);
  look('collector.store.influxdb.password', whole.collector.store.influxdb?.password);
  for (const [name, { url, secret }] of Object.entries(whole.collector.repair.webhooks)) {
    look(`collector.repair.webhooks.${name}.url`, url);
    look(`collector.repair.webhooks.${name}.secret`, secret);
  }
  look('database.url', whole.database.url);
  look('queue.url', whole.queue.url);
  notes.push(...unusableTlsFiles(whole, environment));
  return notes;
}

/** As the agent would find them at its first connection, and the collector at its start. */
function unusableTlsFiles(
  whole: WholeConfiguration,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const reporter = createReporter({ component: 'check', level: 'silent' });
  const places = {
    'agent.tls': agentConfig(whole, environment).tls,
    'collector.tls': whole.collector.tls?.files ?? null,
  };
  return Object.entries(places).flatMap(([place, files]) => {
    if (files === null) return [];
    try {
      new TlsFiles(reporter, files, { clock: new SystemClock(), environment }).current();
      return [];
    } catch (error) {
      return [`${place}: ${messageOf(error)}`];
    }
  });
}
