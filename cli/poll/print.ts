// A poll as text for a person: one short table a subject, and at the end how it went.
import type { Poll } from '../../common/model/poll.ts';
import { printable as text, printTable } from '../text-table.ts';
import { type Line, pollDocument } from './document.ts';

const STATUS: Readonly<Record<string, string>> = {
  '1': 'up',
  '2': 'down',
  '3': 'testing',
  '4': 'unknown',
  '5': 'dormant',
  '6': 'absent',
  '7': 'lower down',
};

export function printPoll(poll: Poll, address: string, print: (line: string) => void): void {
  const document = pollDocument(poll);
  printDevice(document.device, address, print);
  printTable(
    print,
    'Interfaces',
    ['index', 'name', 'alias', 'speed', 'admin', 'oper', 'octets in', 'octets out'],
    document.interfaces.map(interfaceRow),
  );
  printTable(
    print,
    'Processors',
    ['index', 'description', 'usage'],
    document.processors.map((row) => [text(row['index']), text(row['description']), `${text(row['usage_percent'])} %`]),
  );
  printTable(print, 'Memory', ['index', 'description', 'used', 'of'], document.memory.map(sizeRow));
  printTable(print, 'Storage', ['index', 'description', 'used', 'of'], document.storage.map(sizeRow));
  printTable(
    print,
    'Sensors',
    ['index', 'class', 'description', 'value'],
    document.sensors.map((row) => [
      text(row['index']),
      text(row['class']),
      text(row['description']),
      [row['value'], row['unit'], row['state']].map(text).join(' ').trim(),
    ]),
  );
  printTable(
    print,
    'Outlets',
    ['index', 'description', 'state', 'A', 'V', 'W'],
    document.outlets.map((row) =>
      ['index', 'description', 'state', 'current_a', 'voltage_v', 'power_w'].map((name) => text(row[name])),
    ),
  );
  printTable(
    print,
    'BGP peers',
    ['address', 'AS', 'state', 'for'],
    document.bgp_peers.map((row) => [
      text(row['remote_address']),
      text(row['remote_as']),
      text(row['state']),
      duration(row['established_s'] ?? null),
    ]),
  );
  printTable(
    print,
    'Neighbours',
    ['local', 'device', 'port', 'protocol'],
    document.neighbours.map((row) => [
      text(row['local']),
      text(row['remote_device']),
      text(row['remote_port']),
      text(row['protocol']),
    ]),
  );
  const ofModules = ['index', 'class', 'name', 'model', 'serial', 'software'];
  printTable(
    print,
    'Modules',
    ofModules,
    document.modules.map((row) => ofModules.map((name) => text(row[name]))),
  );
  printOutcome(poll, print);
}

function printOutcome(poll: Poll, print: (line: string) => void): void {
  const cut = poll.tables.filter((table) => !table.complete).map((table) => table.name);
  const how =
    poll.outcome === 'complete'
      ? 'complete'
      : `partial (${poll.failure ?? ''}${cut.length > 0 ? `: ${cut.join(', ')}` : ''})`;
  print('');
  print(
    `${how} in ${poll.finishedAtMs - poll.startedAtMs} ms, ${poll.requests} requests, ${poll.retries} of them retries`,
  );
}

function printDevice(device: Line, address: string, print: (line: string) => void): void {
  const pairs: [string, string][] = [
    ['device', `${text(device['sysName']) || '(no sysName)'} at ${address}`],
    ['description', text(device['sysDescr']).replaceAll(/\s+/g, ' ')],
    ['object id', text(device['sysObjectID'])],
    [
      'made by',
      ['vendor', 'model', 'os', 'version']
        .map((name) => text(device[name]))
        .filter((part) => part !== '')
        .join(' · '),
    ],
    ['serial', text(device['serial'])],
    ['location', text(device['sysLocation'])],
    ['up for', duration(device['uptime_s'] ?? null)],
    ['profile', text(device['profile'])],
  ];
  for (const [name, value] of pairs) if (value !== '') print(`${name.padEnd(12)}${value}`);
}

function interfaceRow(row: Line): string[] {
  return [
    text(row['ifIndex']),
    text(row['key']),
    text(row['ifAlias']),
    speed(row['ifSpeed_bps'] ?? null),
    STATUS[text(row['ifAdminStatus'])] ?? '',
    STATUS[text(row['ifOperStatus'])] ?? '',
    text(row['ifHCInOctets'] ?? row['ifInOctets']),
    text(row['ifHCOutOctets'] ?? row['ifOutOctets']),
  ];
}

function sizeRow(row: Line): string[] {
  const percent = row['used_percent'];
  const used = typeof percent === 'number' ? `${percent} %` : bytes(row['used_bytes']);
  return [text(row['index']), text(row['description']), used, bytes(row['total_bytes'])];
}

function speed(bps: string | number | null): string {
  if (typeof bps !== 'number' || bps === 0) return '';
  const units: [number, string][] = [
    [1e9, 'Gbit/s'],
    [1e6, 'Mbit/s'],
    [1e3, 'kbit/s'],
  ];
  const [size, unit] = units.find(([least]) => bps >= least) ?? [1, 'bit/s'];
  return `${Math.round((bps / size) * 10) / 10} ${unit}`;
}

function bytes(value: string | number | null | undefined): string {
  if (typeof value !== 'number') return '';
  const units: [number, string][] = [
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ];
  const [size, unit] = units.find(([least]) => value >= least) ?? [1, 'B'];
  return `${(value / size).toFixed(1)} ${unit}`;
}

function duration(seconds: string | number | null): string {
  if (typeof seconds !== 'number') return '';
  const days = Math.floor(seconds / 86_400);
  const clock = new Date(Math.floor(seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${clock}` : clock;
}
