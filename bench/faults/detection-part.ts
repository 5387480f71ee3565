// How soon people are told of a device that is down and of a link that a trap says is down: 4,000 simulated devices on 300 sites, real UDP, a real agent, a real collector.
import { createSocket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { BerWriter, TAG } from '../../agent/snmp/ber.ts';
import { oidOf } from '../../agent/snmp/oid.ts';
import { PDU } from '../../agent/snmp/pdu.ts';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { placeAt } from '../../simulator/place.ts';
import { pause, type Running, until, type Workshop } from '../machine/workshop.ts';
import type { PartContext } from '../part.ts';
import { type Row, rowOf } from '../rows.ts';
import type { LinkedFleetConfig } from './linked-fleet.ts';

const DEVICES = 4000;
const SITES = 300;
/** Devices that fall silent together, each of another site. */
const VICTIMS = 20;
const LINKS = 20;
/** The default. */
const INTERVAL_MS = 60_000;
const FIRST = { living: '127.10.0.1', dying: '127.20.0.1', linked: '127.30.0.1' };
const ANSWER_MS = 30_000;
const SNMP_PORT = 16_161;
const START_MS = 240_000;
const TOLD_MS = 300_000;
const TOKENS = {
  WEIR_ADMIN_TOKEN: 'bench-administrator-token-0123456789',
  WEIR_AGENT_TOKEN: 'bench-agent-token-0123456789',
  WEIR_BRIDGE_TOKEN: 'bench-bridge-token-0123456789',
};

export async function detectionPart({ workshop, tell }: PartContext): Promise<readonly Row[]> {
  tell(`detection: ${DEVICES} devices on ${SITES} sites, every ${INTERVAL_MS / 1000} s`);
  const living = await simulate(workshop, DEVICES - VICTIMS - LINKS, FIRST.living);
  const dying = await simulate(workshop, VICTIMS, FIRST.dying);
  const fleet: LinkedFleetConfig = { devices: LINKS, port: SNMP_PORT, firstAddress: FIRST.linked };
  const linked = workshop.worker('faults/linked-fleet.js', fleet);
  const told = new Told();
  await told.start(await workshop.ports());
  const { url, agent } = await startBoth(workshop, told.port);
  await until(
    async () => (await devicesPolled(url)) === DEVICES,
    START_MS,
    () => `not all devices are polled\n${agent.output()}`,
  );
  // Twice more, so that every device has its usual turn.
  await pause(2 * INTERVAL_MS);
  tell('detection: devices fall silent');
  const downs = await downTimes(dying, told);
  tell(
    `detection: devices told after ${worst(downs).toFixed(1)} s at most, ${median(downs).toFixed(1)} s in the middle`,
  );
  tell('detection: traps');
  const links = await linkTimes(workshop, linked, told);
  await agent.stop();
  await living.stop();
  await dying.stop();
  await linked.stop();
  told.stop();
  const note = `${DEVICES} devices, ${SITES} sites, polled every ${INTERVAL_MS / 1000} s; the slowest of ${VICTIMS} devices and ${LINKS} links`;
  return [
    rowOf({ what: 'seconds until a device down is told', weir: worst(downs), goal: { of: 'weir', most: 90 }, note }),
    rowOf({ what: 'the same, median', weir: median(downs) }),
    rowOf({
      what: 'seconds until a link down by trap is told',
      weir: worst(links),
      goal: { of: 'weir', most: 10 },
      note,
    }),
    rowOf({ what: 'the same, median', weir: median(links) }),
  ];
}

async function downTimes(dying: Running, told: Told): Promise<number[]> {
  const atMs = performance.now();
  process.kill(-dying.pid, 'SIGSTOP');
  try {
    const resources = Array.from({ length: VICTIMS }, (_, at) => `dying${at}`);
    return await told.secondsUntil('device-unreachable', resources, () => atMs);
  } finally {
    process.kill(-dying.pid, 'SIGCONT');
  }
}

/** The port is down from when its trap is sent, as the poll that the trap brings on will see. */
async function linkTimes(workshop: Workshop, linked: Running, told: Told): Promise<number[]> {
  const sentAtMs = new Map<string, number>();
  for (let at = 0; at < LINKS; at += 1) {
    const { host } = placeAt({ portBase: SNMP_PORT, firstAddress: FIRST.linked }, at);
    await linked.ask(String(at), ANSWER_MS);
    sentAtMs.set(`linked${at}/Gi1/0/1`, performance.now());
    await sendLinkDown(host, trapPort(workshop));
    await pause(500);
  }
  return told.secondsUntil('interface-down', [...sentAtMs.keys()], (resource) => sentAtMs.get(resource) ?? 0);
}

const trapPorts = new WeakMap<Workshop, number>();
const trapPort = (workshop: Workshop): number => trapPorts.get(workshop) ?? 0;

async function simulate(workshop: Workshop, devices: number, first: string): Promise<Running> {
  const options = ['--devices', devices, '--ports', 2, '--port', SNMP_PORT, '--first-address', first].map(String);
  const running = workshop.weir(['simulate', '--network', 'fleet', ...options]);
  await until(() => running.output().includes(`fleet${devices} `), START_MS, running.output);
  return running;
}

async function startBoth(workshop: Workshop, hookPort: number): Promise<{ url: string; agent: Running }> {
  const clock = new SystemClock();
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const folder = path.join(workshop.folder, 'detection');
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const server = { dataFolder: path.join(folder, 'postgresql'), port: 0 };
  const postgres = await workshop.start(new EmbeddedPostgres(reporter, server, { clock }));
  const port = await workshop.ports(3);
  trapPorts.set(workshop, port + 2);
  const file = path.join(folder, 'weir.yaml');
  writeFileSync(file, configurationText(port, hookPort));
  const environment = { ...TOKENS, WEIR_DATABASE_URL: postgres.url, HOOK_SECRET: 'secret-of-the-hook' };
  const collector = workshop.weir(['collector', '--config', file, '--data', path.join(folder, 'data')], environment);
  const url = `http://127.0.0.1:${port}`;
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/readyz`).catch(() => null))?.ok === true;
  await until(isReady, START_MS, () => `the collector is not ready\n${collector.output()}`);
  const agent = workshop.weir(['agent', '--config', file, '--data', path.join(folder, 'agent')], environment);
  return { url, agent };
}

/** The first device of each site is the way to the others. */
function configurationText(port: number, hookPort: number): string {
  const device = (name: string, first: string, at: number, site: number, parent: string | null): string => {
    const { host } = placeAt({ portBase: SNMP_PORT, firstAddress: first }, at);
    const parents = parent === null ? '' : `, parents: [${parent}]`;
    return `  - {name: ${name}, address: "${host}:${SNMP_PORT}", credential: bench, site: site${site}${parents}}`;
  };
  const living = Array.from({ length: DEVICES - VICTIMS - LINKS }, (_, at) =>
    device(`living${at}`, FIRST.living, at, at % SITES, at < SITES ? null : `living${at % SITES}`),
  );
  const dying = Array.from({ length: VICTIMS }, (_, at) =>
    device(`dying${at}`, FIRST.dying, at, at * 11, `living${at * 11}`),
  );
  const linked = Array.from({ length: LINKS }, (_, at) =>
    device(`linked${at}`, FIRST.linked, at, at * 13, `living${at * 13}`),
  );
  return `credentials: {bench: {version: 2c, community: public}}
devices:
${[...living, ...dying, ...linked].join('\n')}
agent:
  name: agent-1
  collector_url: http://127.0.0.1:${port}
  poll_interval_ms: ${INTERVAL_MS}
  health_port: ${port + 1}
  traps: {port: ${port + 2}, receive_per_second: 10000}
collector:
  port: ${port}
  telling:
    channels:
      noc: {kind: webhook, url: "http://127.0.0.1:${hookPort}/", secret: "\${HOOK_SECRET}", storm: {messages: 100000}}
    routes:
      - {name: noc, channels: [noc], group_by: none, group_wait_ms: 0}
`;
}

/** Devices that have answered. */
async function devicesPolled(url: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/overview`, {
    headers: { authorization: `Bearer ${TOKENS.WEIR_ADMIN_TOKEN}` },
  }).catch(() => null);
  const body: unknown = answer?.ok === true ? await answer.json() : null;
  const devices: unknown = typeof body === 'object' && body !== null && 'devices' in body ? body.devices : null;
  return typeof devices === 'object' && devices !== null && 'reachable' in devices ? Number(devices.reachable) : 0;
}

/** Who is told, and when of what for the first time. */
class Told {
  readonly #atMs = new Map<string, number>();
  #server: Server | null = null;
  port = 0;

  async start(port: number): Promise<void> {
    this.port = port;
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        this.#take(JSON.parse(Buffer.concat(pieces).toString('utf8')));
        response.writeHead(204).end();
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  #take(body: unknown): void {
    const alarms: unknown = typeof body === 'object' && body !== null && 'alarms' in body ? body.alarms : [];
    if (!Array.isArray(alarms)) return;
    for (const alarm of alarms as readonly Readonly<Record<string, unknown>>[]) {
      const name = `${String(alarm['alarmType'])} ${String(alarm['resource'])}`;
      if (alarm['kind'] === 'raised' && !this.#atMs.has(name)) this.#atMs.set(name, performance.now());
    }
  }

  async secondsUntil(
    alarmType: string,
    resources: readonly string[],
    sinceMs: (resource: string) => number,
  ): Promise<number[]> {
    const untold = (): string[] => resources.filter((resource) => !this.#atMs.has(`${alarmType} ${resource}`));
    await until(
      () => untold().length === 0,
      TOLD_MS,
      () =>
        `nobody was told of ${alarmType} of ${untold().join(', ')}; told: ${[...this.#atMs.keys()].slice(0, 50).join(', ')}`,
    );
    return resources.map(
      (resource) => ((this.#atMs.get(`${alarmType} ${resource}`) ?? Infinity) - sinceMs(resource)) / 1000,
    );
  }
}

/** A trap linkDown of the first port, from the address of the device (RFC 2863 §6). */
async function sendLinkDown(host: string, port: number): Promise<void> {
  const writer = new BerWriter(1024);
  const varbinds: readonly [oid: string, tag: number, value: number | string][] = [
    ['1.3.6.1.2.1.1.3.0', TAG.timeTicks, 10_000_000],
    ['1.3.6.1.6.3.1.1.4.1.0', TAG.oid, '1.3.6.1.6.3.1.1.5.3'],
    ['1.3.6.1.2.1.2.2.1.1.10101', TAG.integer, 10_101],
    ['1.3.6.1.2.1.2.2.1.7.10101', TAG.integer, 1],
    ['1.3.6.1.2.1.2.2.1.8.10101', TAG.integer, 2],
  ];
  for (const [oid, tag, value] of varbinds.toReversed()) {
    const mark = writer.size;
    if (typeof value === 'string') writer.oid(oidOf(value));
    else writer.integer(value, tag);
    writer.oid(oidOf(oid));
    writer.wrap(TAG.sequence, mark);
  }
  writer.wrap(TAG.sequence, 0);
  writer.integer(0);
  writer.integer(0);
  writer.integer(1);
  writer.wrap(PDU.trap, 0);
  writer.octets(Buffer.from('public'));
  writer.integer(1);
  writer.wrap(TAG.sequence, 0);
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  await new Promise<void>((resolve) =>
    socket.send(Uint8Array.from(writer.finish()), port, '127.0.0.1', () => resolve()),
  );
  socket.close();
}

function worst(seconds: readonly number[]): number {
  return Math.max(...seconds);
}

function median(seconds: readonly number[]): number {
  return seconds.toSorted((one, other) => one - other)[Math.floor(seconds.length / 2)] ?? Number.NaN;
}
