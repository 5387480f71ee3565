// The commands of billing as a person runs them: a configuration file, a real PostgreSQL, and a collector that has readings in memory.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command, CommandContext } from '../../cli/command.ts';
import { type OpenLedger, withLedger } from '../../cli/billing/open-ledger.ts';
import { MemoryReadings } from './memory-readings.ts';
import { type ReadingsServer, serveReadings } from './readings-server.ts';
import { startTestDatabase, type TestDatabase } from './test-database.ts';

export const MARCH = Date.parse('2024-03-01T00:00:00Z');
export const HOUR = 3_600_000;
const MINUTE = 60_000;
const TOKEN = 'weir_the-bridge-token-of-the-data-folder';

const CONTRACTS = `
legal_entities:
  - { id: weir-net, name: Weir Networks GmbH, address: { lines: [Wehrstraße 1], city: Berlin, country: DE } }
customers:
  - { id: acme, name: "=HYPERLINK(1)", currency: EUR, billing_cycle: day }
  - { id: bolt, name: 'Bolt, "Nut" & Co', currency: EUR, billing_cycle: day, billing_zone: America/Chicago,
      legal_entity: weir-net, address: { lines: [1 Main Street], city: Chicago, country: US } }
price_plans:
  - id: by-volume
    currency: EUR
    items: [{ id: traffic, name: "+Traffic", kind: per_unit, unit: MB, direction: sum, price: "0.0125" }]
services:
  - { id: acme-port, customer: acme, plan: by-volume, from: "2024-02-01", bindings: [{ device: sw1, interface: ge-0 }] }
  - { id: bolt-port, customer: bolt, plan: by-volume, from: "2024-02-01", bindings: [{ device: sw1, interface: ge-1 }] }
devices:
  - { name: sw1, address: 192.0.2.1, credential: none }
credentials: { none: { version: 2c, community: public } }
`;

export interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
}

export class BillingCommands {
  readonly database: TestDatabase;
  readonly readings: MemoryReadings;
  readonly folder: string;
  readonly #server: ReadingsServer;
  readonly #file: string;
  #url: string;
  #octets: [bigint, bigint] = [1000n, 1000n];
  readonly #layout: number;

  private constructor(database: TestDatabase, readings: MemoryReadings, server: ReadingsServer, watermark: string) {
    this.database = database;
    this.#url = database.url;
    this.readings = readings;
    this.#server = server;
    this.#layout = readings.layout('sw1', [{ name: 'ge-0' }, { name: 'ge-1' }]);
    this.folder = mkdtempSync(path.join(tmpdir(), 'weir-commands-'));
    chmodSync(this.folder, 0o700);
    this.#file = path.join(this.folder, 'weir.yaml');
    writeFileSync(
      this.#file,
      `${CONTRACTS}billing_bridge: { bucket_ms: 300000, collector_url: "${server.url}", watermark: "${watermark}" }\n`,
    );
    const tokens = { administrator: 'weir_a', agent: 'weir_b', bridge: TOKEN };
    writeFileSync(path.join(this.folder, 'tokens.json'), JSON.stringify(tokens));
  }

  static async start(watermark = 'DEMO'): Promise<BillingCommands> {
    const database = await startTestDatabase();
    const readings = new MemoryReadings();
    const commands = new BillingCommands(database, readings, await serveReadings(readings, TOKEN), watermark);
    await commands.withLedger(({ ledger, config }) => ledger.accounts.apply(config.contracts));
    return commands;
  }

  async stop(): Promise<void> {
    await this.#server.close();
    await this.database.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Polls every minute; each moves 100,000 octets in and 200,000 out on both ports. */
  poll(fromMs: number, toMs: number): void {
    for (let at = fromMs; at <= toMs; at += MINUTE) {
      const [inward, outward] = this.#octets;
      const pair = [inward, outward] as const;
      this.readings.poll({
        layout: this.#layout,
        atMs: at,
        octets: [pair, pair],
        uptimeTicks: (at - MARCH) / 10 + 1000,
      });
      this.#octets = [inward + 100_000n, outward + 200_000n];
    }
    this.readings.watermark('sw1', toMs);
  }

  /** With more in `billing_bridge` of the configuration. */
  async configured<T>(more: string, work: () => Promise<T>): Promise<T> {
    const before = readFileSync(this.#file, 'utf8');
    writeFileSync(this.#file, before.replace('billing_bridge: {', `billing_bridge: { ${more},`));
    try {
      return await work();
    } finally {
      writeFileSync(this.#file, before);
    }
  }

  /** As the bridge does by itself. */
  rate(): Promise<unknown> {
    return this.withLedger(({ ledger, underLease }) => underLease('billing-rate', (lease) => ledger.rating.run(lease)));
  }

  /** Runs commands on another database. */
  async at<T>(url: string, work: () => Promise<T>): Promise<T> {
    const before = this.#url;
    this.#url = url;
    try {
      return await work();
    } finally {
      this.#url = before;
    }
  }

  withLedger<T>(work: (opened: OpenLedger) => Promise<T>): Promise<T> {
    return withLedger(this.#context([], {}, []), 'test', work);
  }

  async run(
    command: Command,
    options: CommandContext['options'] = {},
    positionals: readonly string[] = [],
  ): Promise<Outcome> {
    const lines: string[] = [];
    const code = await command.run(this.#context(lines, options, positionals));
    return { code, lines };
  }

  async json<T>(
    command: Command,
    options: CommandContext['options'] = {},
    positionals: readonly string[] = [],
  ): Promise<T> {
    const { lines } = await this.run(command, { ...options, json: true }, positionals);
    const parsed: unknown = JSON.parse(lines.join('\n'));
    return parsed as T;
  }

  #context(lines: string[], options: CommandContext['options'], positionals: readonly string[]): CommandContext {
    return {
      options: { config: this.#file, data: this.folder, ...options },
      positionals,
      environment: { WEIR_DATABASE_URL: this.#url, USER: 'anna' },
      json: options['json'] === true,
      signal: new AbortController().signal,
      print: (line) => void lines.push(line),
      progress: () => undefined,
    };
  }
}
