// Switches, routers and firewalls without a recording: hand-made objects after the syntax of their MIBs, and what the profiles make of them.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const IF_NAME = '1.3.6.1.2.1.31.1.1.1.1';
const ENTITY = '1.3.6.1.2.1.47.1.1.1.1';

const DEVICES: readonly HandMade[] = [
  {
    name: 'A stack of ProCurve',
    enterprise: '11.2.3.7.8.5.2',
    sysDescr: 'HP Stack, revision KA.00.00.0000',
    objects: {
      [`${ENTITY}.5.1001`]: 3,
      [`${ENTITY}.13.1001`]: 'JL074A',
      '11.2.14.11.5.1.69.1.1.2.0': 2,
      '11.2.14.11.5.1.69.1.1.4.0': 2,
    },
    identity: { model: 'Stack of JL074A', os: 'ArubaOS-Switch' },
    finds: ['state Stack topology: 2'],
  },
  {
    name: 'Aruba Instant On',
    enterprise: '11.2.3.7.11.240',
    sysDescr: 'Aruba Instant On 1930 24G Class4 PoE 4SFP/SFP+ 195W Switch JL683A, InstantOn_1930_2.6.0.0 (64)',
    objects: { '11.2.1.9.0': 14 },
    identity: {
      os: 'Instant On',
      model: '1930 24G Class4 PoE 4SFP/SFP+ 195W Switch JL683A',
      version: '2.6.0.0',
    },
    finds: ['processor Processor: 14'],
  },
  {
    name: 'Juniper virtual chassis',
    enterprise: '2636.1.1.1.2.63',
    sysDescr: 'An uncommon text',
    objects: {
      '2636.3.1.2.0': 'Juniper Virtual Chassis Switch',
      '2636.3.1.3.0': 'PE3714100001',
      '2636.3.40.1.4.1.1.1.5.0': '18.4R2-S5.4',
      '2636.3.40.1.4.1.1.1.8.0': 'ex4300-48t',
    },
    identity: { os: 'Junos', model: 'ex4300-48t', version: '18.4R2-S5.4', serial: 'PE3714100001' },
    finds: [],
  },
  {
    name: 'Junos Evolved with the model behind its part, and coherent optics',
    enterprise: '2636.1.1.1.2.150',
    sysDescr: 'Juniper Networks, Inc. ptx10003-160c Ethernet Internet Router, kernel Linux 5.2.60',
    objects: {
      '2636.3.1.2.0': 'JNP10003 [PTX10003]',
      '1.3.6.1.2.1.25.6.3.1.2.1': 'junos-evo-install-ptx-x86-64-22.4R3-S1.10-EVO',
      '2636.3.73.1.3.3.8.1.5.517.1': 235,
      '2636.3.73.1.3.3.8.1.6.517.1': 5,
      [`${IF_NAME}.517`]: 'et-0/0/1',
    },
    identity: { os: 'Junos Evolved', model: 'PTX10003', version: '22.4R3-S1.10-EVO' },
    finds: ['ber et-0/0/1 bit errors before correction: 0.002'],
  },
  {
    name: 'Huawei with a modem and a flash',
    enterprise: '2011.2.224.48',
    sysDescr:
      'Huawei AR Series AR161FG-L Huawei Versatile Routing Platform Software Version 5.160 (AR160 V200R007C00SPC600)',
    objects: {
      '2011.5.25.241.1.2.1.1.11.4': 1,
      '2011.5.25.241.1.2.1.1.35.4': -71,
      '2011.5.25.241.1.2.1.1.53.4': 0,
      '2011.6.139.11.1.83.6.1.7.1': 4,
    },
    identity: { os: 'VRP', version: 'V200R007C00SPC600' },
    finds: [
      'state Modem 4: 1 ok',
      'dbm Modem 4 RSSI: -71',
      'state Modem 4 service: 0 critical',
      'state Controller 1: 4 critical',
    ],
  },
  {
    name: 'Cisco with a memory pool that is not valid, and calls',
    enterprise: '9.1.2144',
    sysDescr: 'Cisco IOS Software [Fuji], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 16.9.4',
    objects: {
      '9.9.221.1.1.1.1.6.1.1': 1,
      '9.9.221.1.1.1.1.7.1.1': 400,
      '9.9.221.1.1.1.1.8.1.1': 600,
      '9.9.221.1.1.1.1.3.1.1': 'Processor',
      '9.9.221.1.1.1.1.6.1.2': 2,
      '9.9.221.1.1.1.1.7.1.2': 1,
      '9.9.221.1.1.1.1.8.1.2': 0,
      '9.9.221.1.1.1.1.3.1.2': 'Nothing',
      '9.9.63.1.3.8.1.1.2.2': 12,
      '9.9.63.1.3.9.1.1.2.3.1': 3,
    },
    identity: { version: '16.9.4', os: 'IOS XE' },
    finds: ['memory Processor: 40 %', 'count SIP calls: 12'],
  },
  {
    name: 'FortiGate with a modem',
    enterprise: '12356.101.1.643',
    sysDescr: '',
    objects: { '12356.101.19.3.1.1.11.1': -67, '12356.101.19.5.1.1.4.1': 3 },
    identity: {},
    finds: ['signal Modem LTE RSSI: -67', 'state Modem session 1: 3 critical'],
  },
  {
    name: 'MikroTik at 60 GHz',
    enterprise: '14988.1',
    sysDescr: 'RouterOS RBwAPG-60ad',
    objects: { '14988.1.1.1.8.1.2.3': 1, '14988.1.1.1.8.1.4.3': 0, '14988.1.1.22.1.2.0': 812 },
    identity: { model: 'RBwAPG-60ad' },
    finds: ['state 60 GHz radio 3: 0 critical', 'state 60 GHz radio 3 mode: 1 ok', 'count IPv4 connections: 812'],
  },
  {
    name: 'airOS that tells heat in tenths of a millionth',
    enterprise: '10002.1',
    sysDescr: 'Linux 3.18.24 #0 Wed Jan 12 2022 mips',
    objects: { '41112.1.4.8.3.0': 1250, '41112.1.4.8.4.0': 430000000, '41112.1.4.9.2.0': 3 },
    identity: { vendor: 'Ubiquiti' },
    finds: ['processor Processor: 12.5', 'temperature Board: 43', 'state GPS fix: 3 ok'],
  },
  {
    name: 'Edgecore ECS4120',
    enterprise: '259.10.1.45.104',
    sysDescr: 'ECS4120-28F',
    objects: {
      '259.10.1.45.1.1.3.1.6.1': '1.2.2.22',
      '259.10.1.45.1.1.3.1.10.1': 'EC1912000001',
      '259.10.1.45.1.1.5.1.0': 'ECS4120-28F',
      '259.10.1.45.1.1.11.1.3.1.2': 38,
      '259.10.1.45.1.39.2.1.0': 17,
      '259.10.1.45.1.39.3.1.0': 1000,
      '259.10.1.45.1.39.3.3.0': 250,
      '259.10.1.45.1.2.11.1.4.25': '31.12 mA normal',
      [`${IF_NAME}.25`]: 'Eth1/25',
    },
    identity: { os: 'Edgecore', model: 'ECS4120-28F', version: '1.2.2.22', serial: 'EC1912000001' },
    finds: [
      'processor Processor: 17',
      'memory Memory: 75 %',
      'temperature Sensor 2 of unit 1: 38',
      'current Eth1/25 bias current: 0.031',
    ],
  },
  {
    name: 'FS with the software of Accton',
    enterprise: '52642.2.1.45.101',
    sysDescr: 'S3900-48T6S-R',
    objects: {
      '52642.2.1.45.1.1.3.1.6.1': '1.5.2.134',
      '52642.2.1.45.1.1.3.1.10.1': 'G1GT5A0001',
      '52642.2.1.45.1.1.5.1.0': 'S3900-48T6S',
      '52642.2.1.45.1.39.2.1.0': 9,
      '52642.2.1.45.1.1.6.1.3.1.2': 3,
      '52642.2.1.45.1.2.11.1.2.49': '32.48 C normal',
      '52642.2.1.45.1.2.11.1.6.49': '-7.02 dBm normal',
      [`${IF_NAME}.49`]: 'Te1/1',
    },
    identity: { vendor: 'FS', model: 'S3900-48T6S', version: '1.5.2.134', serial: 'G1GT5A0001' },
    finds: [
      'processor Processor: 9',
      'state Power supply 2 of unit 1: 3 critical',
      'temperature Te1/1 temperature: 32.48',
      'dbm Te1/1 receive power: -7.02',
    ],
  },
  ...(
    [
      ['Ruijie', '4881', 'RGOS'],
      ['QTECH', '27514', 'QTECH'],
    ] as const
  ).map(
    ([name, enterprise, os]): HandMade => ({
      name,
      enterprise: `${enterprise}.1.1.10.1.52`,
      sysDescr: 'Switch (S5750C-28GT4XS-H) By Networks',
      objects: {
        [`${enterprise}.1.1.10.2.36.1.2.1.5.1`]: 11,
        [`${enterprise}.1.1.10.2.1.1.43.1.4.1.2`]: 5,
        [`${enterprise}.1.1.10.2.1.1.43.1.6.1.2`]: 4200,
        [`${enterprise}.1.1.10.2.1.1.44.1.4.1.1.3`]: 'Air',
        [`${enterprise}.1.1.10.2.1.1.44.1.5.1.1.3`]: 41,
        [`${enterprise}.1.1.10.2.105.1.1.1.76.27`]: -812,
        [`${enterprise}.1.1.10.2.105.1.1.1.81.27`]: -10000,
        [`${IF_NAME}.27`]: 'Te0/27',
      },
      identity: { os, model: 'S5750C-28GT4XS-H' },
      finds: [
        'processor Processor 1: 11',
        'state Fan 1/2: 5 critical',
        'fanspeed Fan 1/2: 4200',
        'temperature Air 1/1: 41',
        'dbm Te0/27 receive power: -8.12',
      ],
    }),
  ),
  {
    name: 'Zyxel in a stack, and optics of an older one',
    enterprise: '890.1.15',
    sysDescr: 'XGS3700-24',
    objects: {
      '890.1.15.3.97.2.1.1.2.2': 2,
      '890.1.15.3.97.2.1.1.5.2': 2,
      '890.1.15.3.97.2.3.0': 1,
      '890.1.5.8.47.117.2.1.7.10.1': 5300,
      '890.1.5.8.47.117.2.1.7.10.5': -712,
    },
    identity: { model: 'XGS3700-24' },
    finds: [
      'state Role of stack member 2: 2 ok',
      'state Stack topology: 1 warning',
      'temperature Port 10 temperature: 53',
      'dbm Port 10 receive power: -7.12',
    ],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
  // What is not valid, not plugged in or without light is nothing.
  expect(finds.filter((line) => /Nothing|transmit power/.test(line))).toEqual([]);
});
