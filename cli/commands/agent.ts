// `weir agent`: the agent process. It loads what an agent needs and nothing of the database, the collector or the bridge.
import path from 'node:path';
import { type AgentConfig, agentConfig, agentOnlySchema } from '../../agent/config.ts';
import { createAgent } from '../../agent/main.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import type { Command } from '../command.ts';
import { textOption } from '../options.ts';
import { onReload } from '../reload-signal.ts';

const DEFAULT_FILE = 'weir.yaml';
const DEFAULT_DATA = 'data';

export const agentCommand: Command = {
  name: 'agent',
  summary: 'run an agent',
  help: `usage: weir agent [--config FILE] [--data DIR]

  --config FILE   the configuration; default ${DEFAULT_FILE}. Of it the agent reads agent, credentials and devices; the rest is
                  other components'.
  --data DIR      where polls are kept until the collector has applied them; default ./${DEFAULT_DATA}

Polls the devices that are assigned to agent.name and sends what they say to agent.collector_url. While the collector is away,
polls stay on the disk. WEIR_AGENT_TOKEN goes before agent.token. http://127.0.0.1:9101 (agent.health_port) tells how it is:
/healthz, /readyz, and with the agent's token /metrics and /devices. At SIGHUP the configuration is read again: devices and credentials
change without a restart, what cannot is named in the log; a mistake leaves everything as it is. Logs go to standard error.`,
  options: { config: { type: 'string' }, data: { type: 'string' } },
  run: async (context) => {
    if (context.positionals.length > 0) throw new WeirError('misused', 'weir agent takes no argument.');
    const file = path.resolve(textOption(context, 'config') ?? DEFAULT_FILE);
    const dataFolder = path.resolve(textOption(context, 'data') ?? DEFAULT_DATA);
    const read = (): AgentConfig =>
      agentConfig(parseConfiguration(readConfigurationFile(file), file, agentOnlySchema), context.environment);
    const config = read();
    const reporter = createReporter({ component: 'agent' });
    const agent = createAgent(
      reporter,
      { ...config, dataFolder },
      { clock: new SystemClock(), environment: context.environment },
    );
    const listenNoMore = onReload(reporter, () => {
      const { devices, waiting } = agent.reload(read());
      reporter.info('configuration read again', { file, devices });
      if (waiting.length > 0)
        reporter.warn('these changes wait for a restart of the agent', { keys: waiting.join(', ') });
    });
    await agent.start();
    context.print(
      context.json
        ? JSON.stringify({ agent: config.name, devices: config.devices.length, healthPort: config.healthPort })
        : `agent ${config.name} polls ${polled(config)}; http://127.0.0.1:${config.healthPort}/readyz`,
    );
    if (!context.signal.aborted)
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    listenNoMore();
    await agent.stop();
    return 0;
  },
};

function polled(config: AgentConfig): string {
  return config.configuration === 'file' ? `${config.devices.length} devices` : 'what its collector says';
}
