// `weir up`: the whole pipeline on this machine; without a configuration it first asks for a device and writes one.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import type { Command, CommandContext } from '../command.ts';
import { loadWhole, type WholeConfiguration } from '../configuration.ts';
import { portOption, textOption } from '../options.ts';
import { onReload } from '../reload-signal.ts';
import { askForFirstDevice } from '../setup/first-device.ts';
import { Pipeline, type PipelineConfig } from '../supervise/pipeline.ts';

const DEFAULT_FILE = 'weir.yaml';

export const upCommand: Command = {
  name: 'up',
  summary: 'the whole pipeline on this machine, on real devices',
  help: `usage: weir up [--config FILE] [--data DIR] [--port N]

  --config FILE   the configuration; default ${DEFAULT_FILE}. Where it does not exist, a page on --port (8080) asks for a
                  device's address and credentials, polls it once, and writes the file.
  --data DIR      where everything is kept; default ./data

Starts the embedded PostgreSQL (unless database.url is set), the collector, the agent and the billing bridge as child
processes, starts again what dies, and stops all of them in order on Ctrl-C. At SIGHUP collector and agent read the devices of the
configuration again.`,
  options: { config: { type: 'string' }, data: { type: 'string' }, port: { type: 'string' } },
  run: async (context) => {
    const file = path.resolve(textOption(context, 'config') ?? DEFAULT_FILE);
    const dataFolder = path.resolve(textOption(context, 'data') ?? 'data');
    if (!existsSync(file)) {
      if (context.options['config'] !== undefined && context.options['port'] === undefined && !process.stdin.isTTY)
        loadWhole(file);
      const written = await askForFirstDevice({ file, port: portOption(context, 'port') ?? 8080, context });
      if (!written) return 0;
    }
    const whole = loadWhole(file);
    return runPipeline(context, { ...pipelineConfig(whole, file, dataFolder), simulator: null });
  },
};

export function pipelineConfig(
  whole: WholeConfiguration,
  file: string,
  dataFolder: string,
): Omit<PipelineConfig, 'simulator'> {
  return {
    configurationFile: file,
    dataFolder,
    databaseUrl: whole.database.url ?? null,
    databasePort: whole.database.port,
    queueUrl: whole.queue.url ?? null,
    ports: { collector: whole.collector.port, bridge: whole.billing_bridge.port, agentHealth: whole.agent.health_port },
    devices: whole.devices.length,
  };
}

/** Starts the pipeline, tells where to look, waits for the signal, stops it. */
export async function runPipeline(context: CommandContext, config: PipelineConfig): Promise<0 | 1> {
  const startedAt = performance.now();
  const pipeline = new Pipeline(config, {
    clock: new SystemClock(),
    random: Math.random,
    environment: context.environment,
    entry: path.resolve(import.meta.dirname, '..', 'weir.js'),
    tell: (line) => context.print(`weir  ${line}`),
  });
  const stopped = new Promise<void>((resolve) =>
    context.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  const started = pipeline.start();
  await Promise.race([started, stopped]);
  if (!context.signal.aborted) {
    context.print(
      `weir  up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s; data in ${config.dataFolder}`,
    );
    context.print(`\n      open     http://127.0.0.1:${config.ports.collector}/`);
    context.print(`      sign in  ${pipeline.signIn}\n`);
    context.print('weir  Ctrl-C stops everything.');
    const listenNoMore = onReload(createReporter({ component: 'up' }), async () => {
      // A mistake is told here, once, and reaches no child.
      loadWhole(config.configurationFile);
      context.print('weir  reading the configuration again');
      await pipeline.reload();
    });
    await stopped;
    listenNoMore();
  }
  context.print('weir  stopping');
  await pipeline.stop();
  await started.catch(() => undefined);
  context.print('weir  stopped; the next start continues from the data');
  return 0;
}
