// snmp_exporter beside Weir: a module of the same twelve columns, scraped as Prometheus would, but without compression and without storing anything.
import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import path from 'node:path';
import { PEERS } from '../machine/peers.ts';
import { cpuSeconds } from '../machine/processes.ts';
import { pause, type Running, until, type Workshop } from '../machine/workshop.ts';
import { NAME_COLUMN, VALUE_COLUMNS } from './columns.ts';
import type { Fleet } from './fleet.ts';
import type { Rate } from './weir-poller.ts';

/** Its default, and what was fastest of 10, 25 and 50. */
const MAX_REPETITIONS = 25;
const CONCURRENCY = 4;
const START_MS = 10_000;

export interface Exporter {
  readonly running: Running;
  readonly port: number;
}

export async function startExporter(workshop: Workshop): Promise<Exporter> {
  const file = path.join(workshop.folder, 'snmp.yml');
  writeFileSync(file, moduleText());
  const port = await workshop.ports();
  const args = [`--config.file=${file}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'];
  const running = workshop.run(PEERS.snmpExporter.program, args);
  const alive = async (): Promise<boolean> => (await page(port, '/', undefined).catch(() => null)) !== null;
  await until(alive, START_MS, () => `snmp_exporter does not answer\n${running.output()}`);
  return { running, port };
}

/** Scrapes the fleet's devices in turn, a few at a time. */
export async function scrapeFleet(exporter: Exporter, fleet: Fleet, scrapes: number): Promise<Rate> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const cpuBefore = cpuSeconds([exporter.running.pid]);
  let next = 0;
  let interfaces = 0;
  const worker = async (): Promise<void> => {
    for (; next < scrapes; ) {
      const port = fleet.portBase + (next++ % fleet.devices);
      const polled = await scrape(exporter, port, agent);
      interfaces += polled;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  agent.destroy();
  return { interfaces, cpuSeconds: cpuSeconds([exporter.running.pid]) - cpuBefore };
}

/** The interfaces that came with all their columns. */
async function scrape(exporter: Exporter, devicePort: number, agent?: Agent): Promise<number> {
  const text = await page(exporter.port, `/snmp?target=127.0.0.1:${devicePort}&module=bench`, agent);
  const rows = VALUE_COLUMNS.map(({ name }) => text.split(`\n${name}{`).length - 1);
  return Math.min(...rows);
}

/** Until the function given back is called. */
export function scrapeEverySecond(exporter: Exporter, devicePort: number): () => Promise<void> {
  let going = true;
  const loop = async (): Promise<void> => {
    for (await pause(1000); going; await pause(1000)) await scrape(exporter, devicePort);
  };
  const ended = loop();
  return async () => {
    going = false;
    await ended;
  };
}

function page(port: number, pathname: string, agent: Agent | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: pathname, ...(agent === undefined ? {} : { agent }) }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
      answer.on('error', reject);
    }).on('error', reject);
  });
}

function moduleText(): string {
  const metric = ({ name, oid, kind }: (typeof VALUE_COLUMNS)[number]): string => `  - name: ${name}
    oid: ${oid}
    type: ${kind}
    help: ${name}
    indexes: [{labelname: ifIndex, type: gauge}]
    lookups: [{labels: [ifIndex], labelname: ifName, oid: ${NAME_COLUMN.oid}, type: DisplayString}]
`;
  return `bench:
  walk: [${[...VALUE_COLUMNS, NAME_COLUMN].map(({ oid }) => oid).join(', ')}]
  get: [1.3.6.1.2.1.1.3.0]
  version: 2
  max_repetitions: ${MAX_REPETITIONS}
  auth: {community: public}
  metrics:
  - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: sysUpTime}
${VALUE_COLUMNS.map(metric).join('')}`;
}
