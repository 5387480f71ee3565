// `weir billing-bridge`: runs a billing bridge until it is told to stop.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { billingBridgeConfig } from '../../billing-bridge/config.ts';
import { createBillingBridge } from '../../billing-bridge/main.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import { configurationFileOf, refuseArguments } from '../billing/billing-options.ts';
import { takeHolder } from '../billing/holder.ts';
import type { Command, CommandContext } from '../command.ts';
import { loadWhole } from '../configuration.ts';
import { databaseUrlFor } from '../database-url.ts';
import { textOption } from '../options.ts';

export const billingBridgeCommand: Command = {
  name: 'billing-bridge',
  summary: 'run a billing bridge',
  help: `usage: weir billing-bridge --config FILE [--data DIR]

  --config FILE   the configuration; default weir.yaml
  --data DIR      keeps this bridge's name among those of one database: after a kill it goes on at once. Without it another
                  name is taken at each start, and what a killed bridge held is free after a minute.

Mediates, rates, carries charges to the billing queue, and serves the API under /billing/v1. Several may work on one
database: each run is done by one of them. From the environment: WEIR_DATABASE_URL, WEIR_QUEUE_URL, WEIR_ADMIN_TOKEN,
WEIR_BRIDGE_TOKEN (with which readings are asked of the collector). A database, queue or collector that is away is waited
for; /readyz says which.`,
  options: { config: { type: 'string' }, data: { type: 'string' } },
  run: async (context) => {
    refuseArguments(context, 'billing-bridge');
    const file = configurationFileOf(context);
    const config = billingBridgeConfig(loadWhole(file));
    const url = databaseUrlFor({ options: { ...context.options, config: file }, environment: context.environment });
    const { holder, release } = holderOf(context);
    try {
      const bridge = createBillingBridge(createReporter({ component: 'billing-bridge' }), config, {
        clock: new SystemClock(),
        random: Math.random,
        environment: context.environment,
        databaseUrl: resolveSecret(url, context.environment),
        holder,
      });
      await bridge.start();
      const address = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;
      context.print(context.json ? JSON.stringify({ address }) : `billing bridge: API on ${address}/billing/v1`);
      await untilAborted(context.signal);
      await bridge.stop();
    } finally {
      release();
    }
    return 0;
  },
};

function holderOf(context: CommandContext): { holder: string; release: () => void } {
  const data = textOption(context, 'data');
  if (data !== undefined) return takeHolder(data);
  return { holder: `billing-bridge ${hostname()} ${randomUUID()}`, release: () => undefined };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
