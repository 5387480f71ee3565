// `weir demo`: the same pipeline as `weir up`, on a simulated network whose truth is known.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { readConfigurationFile } from '../../common/runtime/configuration.ts';
import type { Command } from '../command.ts';
import { loadWhole } from '../configuration.ts';
import { portOption, textOption } from '../options.ts';
import { pipelineConfig, runPipeline } from './up.ts';

const SIMULATOR_PORT_BASE = 16_100;
const TRUTH_OFFSET = 90;
const SEED = 20_261;

export const demoCommand: Command = {
  name: 'demo',
  summary: 'a simulated network and the whole pipeline on this machine',
  help: `usage: weir demo [--data DIR] [--port N] [--simulator-port N]

  --data DIR           where everything is kept; default ./data-demo
  --port N             dashboard on N, bridge on N+1, agent health on N+2, PostgreSQL on N+3; default as in config/demo.yaml
  --simulator-port N   the simulated devices answer on 127.0.0.1:N and up; default ${SIMULATOR_PORT_BASE}

It polls every 5 s into 30 s buckets, so that there is something to see within a minute; a real network is polled every
60 s. Nothing is seeded: all that is shown came through SNMP. Bills are marked DEMO.`,
  options: { data: { type: 'string' }, port: { type: 'string' }, 'simulator-port': { type: 'string' } },
  run: async (context) => {
    const dataFolder = path.resolve(textOption(context, 'data') ?? 'data-demo');
    const simulatorPort = portOption(context, 'simulator-port') ?? SIMULATOR_PORT_BASE;
    const file = effectiveConfiguration(dataFolder, portOption(context, 'port'), simulatorPort);
    const config = pipelineConfig(loadWhole(file), file, dataFolder);
    return runPipeline(context, {
      ...config,
      simulator: { portBase: simulatorPort, truthPort: simulatorPort + TRUTH_OFFSET, seed: SEED },
    });
  },
};

/** config/demo.yaml as it stands, with the ports asked for; kept in the data folder, so that the other commands can be pointed at it. */
function effectiveConfiguration(dataFolder: string, port: number | undefined, simulatorPort: number): string {
  const source = path.resolve(import.meta.dirname, '..', '..', 'config', 'demo.yaml');
  const document = parseDocument(readConfigurationFile(source));
  if (port !== undefined) {
    document.setIn(['collector', 'port'], port);
    document.setIn(['billing_bridge', 'port'], port + 1);
    document.setIn(['agent', 'health_port'], port + 2);
    document.setIn(['database', 'port'], port + 3);
    document.setIn(['agent', 'collector_url'], `http://127.0.0.1:${port}`);
    document.setIn(['collector', 'bridge_url'], `http://127.0.0.1:${port + 1}`);
    document.setIn(['billing_bridge', 'collector_url'], `http://127.0.0.1:${port}`);
  }
  const text = document
    .toString()
    .replaceAll(/127\.0\.0\.1:161(\d\d)\b/g, (_, number: string) => `127.0.0.1:${simulatorPort + Number(number)}`);
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = path.join(dataFolder, 'demo.yaml');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
