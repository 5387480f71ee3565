// Profiles of kinds of device of which the corpus has no recording: what they make of the objects as their MIBs define them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import { type PollDocument, pollDocument } from '../../../cli/poll/document.ts';
import { pollRecording } from '../../support/recorded-device.ts';

const catalogue = loadProfiles('config/profiles');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-kinds-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Polls a device of that sysObjectID with these objects: a number is an Integer, a text an OCTET STRING, `oid:` an OID. */
async function pollOf(sysObjectId: string, objects: Record<string, string | number>): Promise<PollDocument> {
  const whole: Record<string, string | number> = { '1.3.6.1.2.1.1.2.0': `oid:${sysObjectId}`, ...objects };
  const lines = Object.entries(whole).map(([oid, value]) => {
    if (typeof value === 'number') return `${oid}|2|${value}`;
    return value.startsWith('oid:') ? `${oid}|6|${value.slice(4)}` : `${oid}|4|${value}`;
  });
  const file = path.join(folder, 'device.snmprec');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return pollDocument(await pollRecording(file, catalogue));
}

/** `description: value unit state` of each sensor. */
function sensors(document: PollDocument): string[] {
  return document.sensors.map((line) =>
    [`${String(line['description'])}:`, line['value'], line['unit'], line['state']]
      .filter((part) => part !== null && part !== '')
      .join(' '),
  );
}

describe('power', () => {
  test('UPS-MIB (RFC 1628), at a maker that nobody has described', async () => {
    const mib = '1.3.6.1.2.1.33.1';
    const document = await pollOf('1.3.6.1.4.1.5491.6', {
      [`${mib}.1.1.0`]: 'Riello',
      [`${mib}.1.2.0`]: 'Sentinel',
      [`${mib}.1.4.0`]: '02.05',
      [`${mib}.2.1.0`]: 2,
      [`${mib}.2.3.0`]: 42,
      [`${mib}.2.4.0`]: 100,
      [`${mib}.2.5.0`]: 548,
      [`${mib}.2.7.0`]: 25,
      [`${mib}.3.3.1.2.1`]: 499,
      [`${mib}.3.3.1.3.1`]: 231,
      [`${mib}.4.1.0`]: 5,
      [`${mib}.4.4.1.2.1`]: 230,
      [`${mib}.4.4.1.5.1`]: 37,
    });
    expect(document.device).toMatchObject({ profile: 'ups', vendor: 'Riello', model: 'Sentinel', version: '02.05' });
    expect(sensors(document)).toEqual([
      'Battery: 2 ok',
      'Battery: 42 min',
      'Battery: 100 %',
      'Battery: 54.8 V',
      'Battery: 25 °C',
      'Input 1: 49.9 Hz',
      'Input 1: 231 V',
      'Output source: 5 critical',
      'Output 1: 230 V',
      'Output 1: 37 %',
    ]);
  });

  test('APC: the high-precision figures count before the whole ones', async () => {
    const ups = '1.3.6.1.4.1.318.1.1.1';
    const document = await pollOf('1.3.6.1.4.1.318.1.3.27', {
      [`${ups}.1.1.1.0`]: 'Smart-UPS 3000',
      [`${ups}.1.2.3.0`]: 'AS1',
      [`${ups}.2.2.1.0`]: 99,
      [`${ups}.2.3.1.0`]: 995,
      [`${ups}.2.2.3.0`]: 360_000,
      [`${ups}.4.2.3.0`]: 31,
    });
    expect(document.device).toMatchObject({ profile: 'apc', model: 'Smart-UPS 3000', serial: 'AS1' });
    expect(sensors(document)).toEqual(['Battery: 99.5 %', 'Battery: 60 min', 'Output: 31 %']);
  });

  test('Eaton ePDU: outlets', async () => {
    const pdu = '1.3.6.1.4.1.534.6.6.7';
    const document = await pollOf(`${pdu}`, {
      [`${pdu}.6.1.1.3.0.1`]: 'Server 1',
      [`${pdu}.6.6.1.2.0.1`]: 1,
      [`${pdu}.6.4.1.3.0.1`]: 1250,
      [`${pdu}.6.5.1.3.0.1`]: 288,
    });
    expect(document.outlets).toMatchObject([{ description: 'Server 1', state: 'on', current_a: 1.25, power_w: 288 }]);
  });

  test('Sentry3: probes in °F', async () => {
    const probe = '1.3.6.1.4.1.1718.3.2.5.1';
    const document = await pollOf('1.3.6.1.4.1.1718.3', {
      [`${probe}.3.1.1`]: 'Rack',
      [`${probe}.6.1.1`]: 770,
      [`${probe}.10.1.1`]: 41,
      [`${probe}.13.1.1`]: 1,
    });
    expect(sensors(document)).toEqual(['Rack: 25 °C', 'Rack: 41 %']);
  });
});

describe('hosts', () => {
  test('Windows: the build tells the release', async () => {
    const document = await pollOf('1.3.6.1.4.1.311.1.1.3.1.2', {
      '1.3.6.1.2.1.1.1.0':
        'Hardware: Intel64 Family 6 Model 85 Stepping 7 AT/AT COMPATIBLE - Software: Windows Version 6.3 (Build 17763 Multiprocessor Free)',
      '1.3.6.1.2.1.25.2.3.1.2.1': 'oid:1.3.6.1.2.1.25.2.1.4',
      '1.3.6.1.2.1.25.2.3.1.3.1': 'C:\\ Label:',
      '1.3.6.1.2.1.25.2.3.1.4.1': 4096,
      '1.3.6.1.2.1.25.2.3.1.5.1': 1000,
      '1.3.6.1.2.1.25.2.3.1.6.1': 250,
      '1.3.6.1.2.1.25.3.3.1.2.4': 12,
    });
    expect(document.device).toMatchObject({ os: 'Windows', model: 'Intel x64', version: 'Server 2019 (1809)' });
    expect(document.storage).toMatchObject([{ total_bytes: 4_096_000, used_bytes: 1_024_000 }]);
    expect(document.processors).toMatchObject([{ usage_percent: 12 }]);
  });

  test('Linux: temperatures below zero, memory by UCD-SNMP-MIB where there is no other', async () => {
    const document = await pollOf('1.3.6.1.4.1.8072.3.2.10', {
      '1.3.6.1.2.1.1.1.0': 'Linux host 6.1.0-9-amd64 #1 SMP x86_64',
      '1.3.6.1.4.1.2021.13.16.2.1.2.1': 'temp1',
      '1.3.6.1.4.1.2021.13.16.2.1.3.1': 4_294_957_296,
      '1.3.6.1.4.1.2021.4.5.0': 1000,
      '1.3.6.1.4.1.2021.4.6.0': 200,
      '1.3.6.1.4.1.2021.4.15.0': 300,
      '1.3.6.1.4.1.2021.11.11.0': 90,
    });
    expect(document.device).toMatchObject({ os: 'Linux', version: '6.1.0-9-amd64' });
    expect(sensors(document)).toEqual(['temp1: -10 °C']);
    expect(document.memory).toMatchObject([{ total_bytes: 1_024_000, used_bytes: 512_000 }]);
    expect(document.processors).toMatchObject([{ usage_percent: 10 }]);
  });

  test('Synology says so by an object, not by its sysObjectID', async () => {
    const document = await pollOf('1.3.6.1.4.1.8072.3.2.10', {
      '1.3.6.1.4.1.6574.1.5.1.0': 'DS920+',
      '1.3.6.1.4.1.6574.1.5.3.0': 'DSM 7.2-64570',
      '1.3.6.1.4.1.6574.2.1.1.2.0': 'Disk 1',
      '1.3.6.1.4.1.6574.2.1.1.5.0': 5,
    });
    expect(document.device).toMatchObject({
      profile: 'synology',
      vendor: 'Synology',
      model: 'DS920+',
      version: '7.2-64570',
    });
    expect(sensors(document)).toEqual(['Disk 1: 5 critical']);
  });
});

test('a printer of any maker (Printer-MIB, RFC 3805)', async () => {
  const supply = '1.3.6.1.2.1.43.11.1.1';
  const document = await pollOf('1.3.6.1.4.1.99999.1', {
    '1.3.6.1.2.1.43.5.1.1.1.1': 0,
    '1.3.6.1.2.1.43.5.1.1.17.1': 'X123',
    '1.3.6.1.2.1.25.3.2.1.2.1': 'oid:1.3.6.1.2.1.25.3.1.5',
    '1.3.6.1.2.1.25.3.2.1.3.1': 'LaserThing 9',
    '1.3.6.1.2.1.25.3.2.1.5.1': 2,
    [`${supply}.6.1.1`]: 'Black toner',
    [`${supply}.8.1.1`]: 2600,
    [`${supply}.9.1.1`]: 650,
    [`${supply}.6.1.2`]: 'Waste',
    [`${supply}.8.1.2`]: -2,
    [`${supply}.9.1.2`]: -3,
  });
  expect(document.device).toMatchObject({ profile: 'printer', model: 'LaserThing 9', serial: 'X123' });
  expect(sensors(document)).toEqual(['Black toner: 25 %', 'Printer 1: 2 ok']);
});

test.each([
  [
    'CDP, at a maker that nobody has described',
    '1.3.6.1.4.1.99999.1',
    '1.3.6.1.4.1.9.9.23.1.2.1.1',
    '5.1',
    { 6: 'core', 7: 'Gi1/1' },
    'cdp',
  ],
  [
    'FDP',
    '1.3.6.1.4.1.1991.1.3.51',
    '1.3.6.1.4.1.1991.1.1.3.20.1.2.1.1',
    '5.1',
    { 3: 'core', 7: 'Gi1/1', 10: 1 },
    'fdp',
  ],
  [
    'CDP at Brocade',
    '1.3.6.1.4.1.1991.1.3.51',
    '1.3.6.1.4.1.1991.1.1.3.20.1.2.1.1',
    '5.1',
    { 3: 'core', 7: 'Gi1/1', 10: 2 },
    'cdp',
  ],
  [
    'EDP',
    '1.3.6.1.4.1.1916.2.71',
    '1.3.6.1.4.1.1916.1.13.2.1',
    '5.0.0.0.4.150.1.2.3',
    { 3: 'core', 5: 1, 6: 24 },
    'edp',
  ],
] as const)('neighbours that speak %s', async (_, sysObjectId, table, index, cells, protocol) => {
  const objects = Object.entries(cells).map(([column, value]) => [`${table}.${column}.${index}`, value] as const);
  const document = await pollOf(sysObjectId, {
    '1.3.6.1.2.1.2.2.1.2.5': 'port5',
    '1.3.6.1.2.1.31.1.1.1.1.5': 'p5',
    ...Object.fromEntries(objects),
  });
  const port = protocol === 'edp' ? '1:24' : 'Gi1/1';
  expect(document.neighbours).toMatchObject([{ local: 'p5', remote_device: 'core', remote_port: port, protocol }]);
});

test('ENTITY-SENSOR-MIB and POWER-ETHERNET-MIB, at a maker that nobody has described', async () => {
  const row = (index: number, type: number, scale: number, precision: number, value: number) =>
    [type, scale, precision, value, 1].map((cell, at) => [`1.3.6.1.2.1.99.1.1.1.${at + 1}.${index}`, cell] as const);
  const document = await pollOf('1.3.6.1.4.1.99999.1', {
    ...Object.fromEntries(
      [row(1, 8, 9, 1, 415), row(2, 8, 9, 0, -127), row(3, 8, 9, 0, 255), row(4, 4, 8, 0, 3300)].flat(),
    ),
    '1.3.6.1.2.1.105.1.3.1.1.2.1': 370,
    '1.3.6.1.2.1.105.1.3.1.1.4.1': 120,
  });
  expect(sensors(document)).toEqual([
    'Sensor 1: 41.5 °C',
    'Sensor 4: 3.3 V',
    'Power over Ethernet 1: 120 W',
    'Inline power available, group 1: 370 W',
  ]);
});
