// Devices whose model stands in sysObjectID alone, and makers without a recording: hand-made objects after the text of their MIBs.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const IOS = 'Cisco IOS Software, 2800 Software (C2800NM-ADVIPSERVICESK9-M), Version 12.4(24)T5, RELEASE SOFTWARE (fc3)';
const CHASSIS = { '1.3.6.1.2.1.47.1.1.1.1.5.1': 3, '1.3.6.1.2.1.47.1.1.1.1.13.1': 'CISCO2811' };

const DEVICES: readonly HandMade[] = [
  {
    name: 'a Cisco router that hides ENTITY-MIB',
    enterprise: '9.1.576',
    sysDescr: IOS,
    objects: {},
    identity: { vendor: 'Cisco', os: 'IOS', model: 'Cisco 2811', version: '12.4(24)T5' },
    finds: [],
  },
  {
    name: 'one that does not: its own word counts',
    enterprise: '9.1.576',
    sysDescr: IOS,
    objects: CHASSIS,
    identity: { model: 'CISCO2811' },
    finds: [],
  },
  {
    name: 'a Cisco firewall by its number',
    enterprise: '9.1.745',
    sysDescr: 'Cisco Adaptive Security Appliance Version 8.2(5)',
    objects: {},
    identity: { os: 'ASA', model: 'Cisco ASA5505', version: '8.2(5)' },
    finds: [],
  },
  {
    name: 'Waystream',
    enterprise: '9303.1.5.64',
    sysDescr: 'Waystream MS4026',
    objects: {
      '9303.4.1.1.5.0': 'iBOS 8.2.1',
      '9303.4.1.2.1.1.2.1': 4150,
      '9303.4.1.2.1.1.7.1': 0,
      '9303.4.1.2.1.1.2.2': 0,
      '9303.4.1.2.1.1.7.2': -1,
      '9303.4.1.2.2.1.3.1': 3312,
      '9303.4.1.2.2.1.6.1': 0,
      '9303.4.1.2.3.1.2.1': 5400,
    },
    identity: { vendor: 'Waystream', os: 'iBOS', model: 'MS4026', version: '8.2.1' },
    finds: ['temperature Sensor 1: 41.5', 'voltage Channel 1: 3.312', 'fanspeed Fan 1: 5400'],
  },
  {
    name: 'Lenovo CNOS',
    enterprise: '19046.1.7.32',
    sysDescr: 'Lenovo ThinkSystem NE1032 RackSwitch, CNOS version 10.10.1.0',
    objects: {
      '19046.2.3.11.1.1.1.5.10': 3,
      '19046.2.3.11.1.1.1.3.10': 'Power Supply 1',
      '19046.2.3.11.1.2.1.5.20': 0,
      '19046.2.3.11.1.2.1.8.20': 8100,
      '19046.2.3.11.1.3.1.5.30': 0,
      '19046.2.3.11.1.3.1.6.30': 36,
    },
    identity: { vendor: 'Lenovo', os: 'CNOS', model: 'NE1032', version: '10.10.1.0' },
    finds: [
      'state Power Supply 1: 3 critical',
      'fanspeed Fan 20: 8100',
      'state Fan 20: 0 ok',
      'temperature Sensor 30: 36',
    ],
  },
  {
    name: 'Arbor Sightline',
    enterprise: '9694.1.4',
    sysDescr: 'Peakflow SP 8.4 (build HJ3F) System Board Model: PRD-0611 Serial Number: PSIAB1',
    objects: { '9694.1.4.2.1.2.0': 742, '9694.1.4.2.1.5.0': 32864948, '9694.1.4.2.1.6.0': 4929742 },
    identity: { vendor: 'Arbor Networks', version: '8.4', model: 'PRD-0611', serial: 'PSIAB1' },
    finds: ['memory Physical memory: 15 %', 'count Load average of five minutes: 7.42'],
  },
  {
    name: 'Procera PacketLogic',
    enterprise: '15397.2',
    sysDescr: 'Linux',
    objects: {
      '15397.2.40.1.1.1.1': 'PL8960',
      '15397.2.40.1.1.3.1': 'M-4711',
      '15397.2.40.1.1.4.1': '20.1.4.2',
      '15397.2.30.3.1.1.1.1': 'CPU0',
      '15397.2.30.3.1.1.2.1': 61,
      '15397.2.30.3.4.1.2.1': 7200,
      '15397.2.30.3.4.1.4.1': 'RPM',
    },
    identity: { vendor: 'Procera', model: 'PL8960', version: '20.1.4.2', serial: 'M-4711' },
    finds: ['temperature CPU0: 61', 'fanspeed Fan 1: 7200'],
  },
  {
    name: 'Fujitsu ETERNUS',
    enterprise: '211.1.21.1.150',
    sysDescr: 'ETERNUS DX200 S3',
    objects: {
      '211.1.21.1.150.1.1.0': '00ETERNUSDXMS3ET203SAU####IF4601416010##',
      '211.1.21.1.150.6.0': 4,
    },
    identity: { vendor: 'Fujitsu', os: 'ETERNUS', model: 'ET203SAU', serial: '4601416010' },
    finds: ['state Whole system: 4 warning'],
  },
  {
    name: 'Web-Graph Thermo-Hygrometer',
    enterprise: '5040.1.2.9',
    sysDescr: 'Web-Graph Thermo-Hygrometer, #57606',
    objects: { '5040.1.2.9.1.4.1.1.1': 235, '5040.1.2.9.1.4.1.1.2': 327670 },
    identity: { vendor: 'Wiesemann & Theis', model: 'Web-Graph Thermo-Hygrometer' },
    finds: ['temperature Temperature: 23.5'],
  },
  {
    name: 'Teleste Luminato',
    enterprise: '3715.17',
    sysDescr: 'Luminato',
    objects: {
      '3715.17.1.2.0': 4,
      '3715.17.1.10.0': 'LMT0815',
      '3715.17.1.11.0': 'LCH-A',
      '3715.17.1.13.0': '9.1.12',
    },
    identity: { vendor: 'Teleste', model: 'LCH-A', version: '9.1.12', serial: 'LMT0815' },
    finds: ['state General status: 4 warning'],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
});

test('a sensor that says it has failed, and a reading that is none, are left out', async () => {
  for (const name of ['Waystream', 'Web-Graph Thermo-Hygrometer']) {
    const device = DEVICES.find((one) => one.name === name);
    if (device === undefined) throw new Error(`no ${name}`);
    expect((await seen(device)).finds).toEqual([...device.finds]);
  }
});
