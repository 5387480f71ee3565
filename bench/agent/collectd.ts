// collectd beside Weir: one table of the same twelve columns per device; its values go out through its network plugin, where they are counted.
import { createSocket, type Socket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PEERS } from '../machine/peers.ts';
import { cpuSeconds } from '../machine/processes.ts';
import { pause, type Running, until, type Workshop } from '../machine/workshop.ts';
import { NAME_COLUMN, VALUE_COLUMNS } from './columns.ts';
import type { Rate } from './weir-poller.ts';

export interface CollectdConfig {
  readonly portBase: number;
  readonly devices: number;
  readonly intervalSeconds: number;
  /** Variables in one GETBULK; 0 is collectd's default, which is GETNEXT row by row. */
  readonly bulkSize: number;
}

export interface Collectd {
  readonly running: Running;
  /** Rows of interfaces that it has dispatched since it was started. */
  readonly interfaces: () => number;
  readonly stop: () => Promise<void>;
}

const READ_THREADS = 10;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** A part of type "values" in collectd's binary protocol: one list of values, here one interface. */
const PART_VALUES = 0x0006;
const PART_HEADER_BYTES = 4;

export async function startCollectd(workshop: Workshop, config: CollectdConfig): Promise<Collectd> {
  let interfaces = 0;
  const sink = await listen((datagram) => {
    interfaces += valuesIn(datagram);
  });
  const folder = path.join(workshop.folder, `collectd-${config.portBase}-${config.bulkSize}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'types.db'), typesText());
  writeFileSync(path.join(folder, 'collectd.conf'), configText(folder, sink.address().port, config));
  const environment = { SNMP_PERSISTENT_DIR: folder, MIBS: '' };
  const running = workshop.run(PEERS.collectd.program, ['-f', '-C', path.join(folder, 'collectd.conf')], environment);
  const stop = async (): Promise<void> => {
    await running.stop();
    await new Promise<void>((resolve) => sink.close(() => resolve()));
  };
  return { running, interfaces: () => interfaces, stop };
}

/** From when all devices have come twice, for that many seconds. */
export async function measureCollectd(collectd: Collectd, rowsPerTurn: number, seconds: number): Promise<Rate> {
  const { running } = collectd;
  const twice = (): boolean => collectd.interfaces() >= 2 * rowsPerTurn;
  await until(twice, 60_000, () => `collectd has polled ${collectd.interfaces()} interfaces\n${running.output()}`);
  const before = collectd.interfaces();
  const cpuBefore = cpuSeconds([running.pid]);
  await pause(seconds * 1000);
  return { interfaces: collectd.interfaces() - before, cpuSeconds: cpuSeconds([running.pid]) - cpuBefore };
}

function listen(take: (datagram: Buffer) => void): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', take);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}

function valuesIn(datagram: Buffer): number {
  let found = 0;
  for (let at = 0; at + PART_HEADER_BYTES <= datagram.length; ) {
    if (datagram.readUInt16BE(at) === PART_VALUES) found += 1;
    at += Math.max(PART_HEADER_BYTES, datagram.readUInt16BE(at + 2));
  }
  return found;
}

function typesText(): string {
  const sources = VALUE_COLUMNS.map(({ name, kind }) => `${name}:${kind === 'counter' ? 'DERIVE' : 'GAUGE'}:U:U`);
  return `interface ${sources.join(', ')}\n`;
}

function configText(folder: string, sinkPort: number, config: CollectdConfig): string {
  const { portBase, devices, intervalSeconds, bulkSize } = config;
  const bulk = bulkSize > 0 ? `    BulkSize ${bulkSize}\n` : '';
  const host = (_: unknown, at: number): string => `  <Host "fleet${at + 1}">
    Address "127.0.0.1:${portBase + at}"
    Version 2
    Community "public"
    Collect "interface"
    Interval ${intervalSeconds}
${bulk}  </Host>
`;
  return `Hostname "bench"
FQDNLookup false
BaseDir "${folder}"
PIDFile "${folder}/pid"
TypesDB "${folder}/types.db"
Interval ${intervalSeconds}
ReadThreads ${READ_THREADS}
LoadPlugin logfile
<Plugin logfile>
  LogLevel warning
  File stderr
</Plugin>
LoadPlugin network
<Plugin network>
  Server "127.0.0.1" "${sinkPort}"
</Plugin>
LoadPlugin snmp
<Plugin snmp>
  <Data "interface">
    Table true
    Type "interface"
    TypeInstanceOID "${NAME_COLUMN.oid}"
    Values ${VALUE_COLUMNS.map(({ oid }) => `"${oid}"`).join(' ')}
  </Data>
${Array.from({ length: devices }, host).join('')}</Plugin>
`;
}
