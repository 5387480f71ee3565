// `weir up`: the embedded PostgreSQL and every process of the pipeline, started in the order in which data flows back, stopped in the other.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { AGENT_NODE_FLAGS } from '../../agent/node-flags.ts';
import { BRIDGE_NODE_FLAGS } from '../../billing-bridge/node-flags.ts';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { type Component, startAll, stopAll } from '../../common/runtime/component.ts';
import { createReporter, type Reporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import { BoundedLog } from './bounded-log.ts';
import { SupervisedChild } from './child.ts';
import { holdDataFolder, type Tokens, tokensOf } from './data-folder.ts';
import { waitForFreePorts } from './free-ports.ts';

/** Of the processes that have their own. */
const NODE_FLAGS: Readonly<Record<string, readonly string[]>> = {
  agent: AGENT_NODE_FLAGS,
  'billing-bridge': BRIDGE_NODE_FLAGS,
};

export interface PipelineConfig {
  readonly configurationFile: string;
  readonly dataFolder: string;
  /** null: the embedded PostgreSQL, on this port. */
  readonly databaseUrl: string | null;
  readonly databasePort: number;
  readonly queueUrl: string | null;
  readonly ports: { readonly collector: number; readonly bridge: number; readonly agentHealth: number };
  readonly devices: number;
  /** The simulated network of the demo, or null. */
  readonly simulator: { readonly portBase: number; readonly truthPort: number; readonly seed: number } | null;
}

export interface PipelineDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly entry: string;
  /** One line for the person who watches. */
  readonly tell: (line: string) => void;
}

const LOG_BYTES = 20 * 1024 * 1024;
/** Children that can read their configuration again. */
const RELOADED = ['collector', 'agent'];
const RELOAD_APART_MS = 1000;

export class Pipeline implements Component {
  readonly #config: PipelineConfig;
  readonly #deps: PipelineDeps;
  readonly #reporter: Reporter;
  readonly #supervisorLog: BoundedLog;
  #release: (() => void) | null = null;
  #components: Component[] = [];
  #logs: BoundedLog[] = [];
  #reloaded: readonly SupervisedChild[] = [];
  #tokens: Tokens | null = null;

  constructor(config: PipelineConfig, deps: PipelineDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#supervisorLog = new BoundedLog(path.join(config.dataFolder, 'logs', 'weir.log'), LOG_BYTES);
    this.#reporter = createReporter({ component: 'up', write: (line) => this.#supervisorLog.write(Buffer.from(line)) });
  }

  /**
   * After start: how an administrator signs in. The token stands behind `#`, so that it is sent to no server and written to no log; one
   * that somebody gave is known to them, and what a service prints is kept.
   */
  get signIn(): string {
    const page = `http://127.0.0.1:${this.#config.ports.collector}/`;
    const given = this.#deps.environment['WEIR_ADMIN_TOKEN'] ?? '';
    return given === ''
      ? `${page}#token=${this.#tokens?.administrator ?? ''}`
      : `${page} with the token of WEIR_ADMIN_TOKEN`;
  }

  async start(): Promise<void> {
    const { dataFolder } = this.#config;
    this.#release = holdDataFolder(dataFolder);
    try {
      mkdirSync(path.join(dataFolder, 'logs'), { recursive: true, mode: 0o700 });
      this.#tokens = tokensOf(dataFolder, this.#deps.environment['WEIR_ADMIN_TOKEN']);
      const { ports, simulator } = this.#config;
      const truthPorts = simulator === null ? [] : [simulator.truthPort];
      await waitForFreePorts([...Object.values(ports), ...truthPorts], this.#deps.clock);
      const databaseUrl = await this.#startDatabase();
      const children = this.#children(this.#tokens, databaseUrl);
      this.#components.push(...children.map((child) => child.component));
      this.#reloaded = RELOADED.flatMap((name) => children.find((child) => child.label === name)?.component ?? []);
      for (const child of children) {
        await child.component.start();
        this.#deps.tell(`${child.label.padEnd(16)}${child.says}`);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The collector reads its configuration again, then the agent, whose new devices the collector must know by then. */
  async reload(): Promise<void> {
    for (const child of this.#reloaded) {
      child.reload();
      await this.#deps.clock.sleep(RELOAD_APART_MS);
    }
  }

  async stop(): Promise<void> {
    await stopAll(this.#components);
    this.#components = [];
    this.#reloaded = [];
    for (const log of [...this.#logs, this.#supervisorLog]) log.close();
    this.#logs = [];
    this.#release?.();
    this.#release = null;
  }

  async #startDatabase(): Promise<string> {
    if (this.#config.databaseUrl !== null) {
      this.#deps.tell(`${'database'.padEnd(16)}as configured`);
      return resolveSecret(this.#config.databaseUrl, this.#deps.environment);
    }
    const options = { dataFolder: path.join(this.#config.dataFolder, 'postgresql'), port: this.#config.databasePort };
    const postgres = new EmbeddedPostgres(this.#reporter.child('postgres'), options, { clock: this.#deps.clock });
    await startAll([postgres]);
    this.#components.push(postgres);
    this.#deps.tell(`${'database'.padEnd(16)}embedded PostgreSQL on 127.0.0.1:${new URL(postgres.url).port}`);
    return postgres.url;
  }

  #children(tokens: Tokens, databaseUrl: string): { label: string; says: string; component: SupervisedChild }[] {
    const { configurationFile, ports, simulator, queueUrl, devices, dataFolder } = this.#config;
    const common = ['--config', configurationFile, '--data', dataFolder];
    const queue = queueUrl === null ? {} : { WEIR_QUEUE_URL: resolveSecret(queueUrl, this.#deps.environment) };
    const local = `http://127.0.0.1`;
    const children = [
      this.#child(
        'collector',
        ['collector', ...common],
        `${local}:${ports.collector}/readyz`,
        {
          WEIR_DATABASE_URL: databaseUrl,
          WEIR_ADMIN_TOKEN: tokens.administrator,
          WEIR_AGENT_TOKEN: tokens.agent,
          WEIR_BRIDGE_TOKEN: tokens.bridge,
        },
        `dashboard and API on ${local}:${ports.collector}`,
      ),
      this.#child(
        'agent',
        ['agent', ...common],
        `${local}:${ports.agentHealth}/readyz`,
        { WEIR_AGENT_TOKEN: tokens.agent },
        `polling ${devices} devices`,
      ),
      this.#child(
        'billing-bridge',
        ['billing-bridge', ...common],
        `${local}:${ports.bridge}/readyz`,
        {
          WEIR_DATABASE_URL: databaseUrl,
          WEIR_ADMIN_TOKEN: tokens.administrator,
          WEIR_BRIDGE_TOKEN: tokens.bridge,
          ...queue,
        },
        `API on ${local}:${ports.bridge}`,
      ),
    ];
    if (simulator === null) return children;
    const args = [
      'simulate',
      '--network',
      'demo',
      '--port',
      String(simulator.portBase),
      '--truth-port',
      String(simulator.truthPort),
      '--seed',
      String(simulator.seed),
      '--data',
      dataFolder,
    ];
    return [
      this.#child(
        'simulator',
        args,
        `${local}:${simulator.truthPort}/truth/devices`,
        {},
        `${devices} devices answer SNMP on 127.0.0.1:${simulator.portBase} and up`,
      ),
      ...children,
    ];
  }

  #child(
    name: string,
    args: readonly string[],
    readyUrl: string,
    environment: Readonly<Record<string, string>>,
    says: string,
  ): { label: string; says: string; component: SupervisedChild } {
    const log = new BoundedLog(path.join(this.#config.dataFolder, 'logs', `${name}.log`), LOG_BYTES);
    this.#logs.push(log);
    const nodeFlags = NODE_FLAGS[name] ?? [];
    const config = { name, args, nodeFlags, environment, readyUrl };
    const component = new SupervisedChild(this.#reporter, config, {
      clock: this.#deps.clock,
      log,
      random: this.#deps.random,
      entry: this.#deps.entry,
      tell: this.#deps.tell,
    });
    return { label: name, says, component };
  }
}
