// Transport, access and radio equipment without a recording: hand-made objects after the syntax of their MIBs, and what the profiles make of them.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const IF_NAME = '1.3.6.1.2.1.31.1.1.1.1';

const DEVICES: readonly HandMade[] = [
  {
    name: 'Dell iDRAC',
    enterprise: '674.10892.5',
    sysDescr: 'An OID for the iDRAC',
    objects: {
      '674.10892.5.1.1.8.0': '4.40.00.00',
      '674.10892.5.1.3.2.0': 'ABC1234',
      '674.10892.5.1.3.12.0': 'PowerEdge R640',
      '674.10892.5.2.1.0': 3,
      '674.10892.5.4.700.20.1.5.1.1': 3,
      '674.10892.5.4.700.20.1.6.1.1': 245,
      '674.10892.5.4.700.20.1.8.1.1': 'System Board Inlet Temp',
      '674.10892.5.4.600.30.1.6.1.3': 168,
      '674.10892.5.4.600.30.1.7.1.3': 26,
      '674.10892.5.4.600.30.1.8.1.3': 'System Board Pwr Consumption',
    },
    identity: { vendor: 'Dell', os: 'iDRAC', model: 'PowerEdge R640', version: '4.40.00.00', serial: 'ABC1234' },
    finds: [
      'temperature System Board Inlet Temp: 24.5',
      'power System Board Pwr Consumption: 168',
      'state System: 3 ok',
    ],
  },
  {
    name: 'BDCOM',
    enterprise: '3320.1.300',
    sysDescr: 'BDCOM(tm) S2900 Software, Version 2.2.0F Build 127804\nCompiled: 2023\nROM, Serial num:12345',
    objects: {
      '3320.3.6.10.1.11.0': 9,
      '3320.3.6.10.1.12.0': 44,
      '3320.9.63.1.7.1.3.11': -1650,
      '3320.9.63.1.7.1.4.11': 8960,
      '3320.9.63.1.7.1.5.11': 33000,
      [`${IF_NAME}.11`]: 'TGi0/1',
    },
    identity: { os: 'BDCOM', model: 'S2900', version: '2.2.0F', serial: '12345' },
    finds: [
      'processor Processor of card 0: 9',
      'memory Memory of card 0: 44 %',
      'dbm TGi0/1 receive power: -16.5',
      'temperature TGi0/1 temperature: 35',
      'voltage TGi0/1 supply voltage: 3.3',
    ],
  },
  {
    name: 'Raisecom',
    enterprise: '8886.6.160',
    sysDescr: 'ROAP Version 5.2.1, build 1',
    objects: {
      '8886.6.1.1.1.1.0': '5.2.1',
      '8886.6.1.1.1.2.0': 'ISCOM2924GF',
      '8886.6.1.1.1.14.0': 'RC01',
      '8886.1.1.1.3.1.2.1.2.3': 19,
      '8886.1.1.4.2.1.0': 40,
      '8886.1.18.2.2.1.1.2.25.4': -7300,
      [`${IF_NAME}.25`]: 'port25',
    },
    identity: { os: 'ROS', model: 'ISCOM2924GF', version: '5.2.1', serial: 'RC01' },
    finds: ['processor Processor: 19', 'temperature System: 40', 'dbm port25 receive power: -7.3'],
  },
  {
    name: 'ZTE ZXR10',
    enterprise: '3902.3.100.30',
    sysDescr: 'ZXR10 5960-52TM, ZTE ZXR10 Software Version: V3.02.10',
    objects: { '3902.3.3.1.1.4.1.1': 52, '3902.3.3.1.1.12.1.1': 13 },
    identity: { vendor: 'ZTE', os: 'ZXROS', model: '5960-52TM', version: 'V3.02.10' },
    finds: ['processor Processor 1.1: 13', 'memory Memory 1.1: 52 %'],
  },
  {
    name: 'ZTE ZXA10',
    enterprise: '3902.1082.1001.320.2.1',
    sysDescr: 'C320 Version V2.1.0 Software, Copyright (c) by ZTE Corporation Compiled',
    objects: { '3902.1015.2.1.1.3.1.9.1.1.1': 22, '3902.1015.2.1.1.3.1.11.1.1.1': 36 },
    identity: { os: 'ZXA10', model: 'C320', version: 'V2.1.0' },
    finds: ['processor Card 1.1.1: 22', 'memory Card 1.1.1: 36 %'],
  },
  {
    name: 'Ciena SAOS',
    enterprise: '6141.1.96',
    sysDescr: '5142 Service Aggregation Switch',
    objects: {
      '6141.2.60.10.1.1.3.1.2.1': 'saos-06-18-00-0298',
      '6141.2.60.11.1.1.1.67.0': 'M123',
      '6141.2.60.12.1.11.9.0': 8,
      '6141.2.60.11.1.1.5.1.1.2.1': 39,
      '6141.2.60.11.1.1.4.1.1.3.1': 1,
    },
    identity: { vendor: 'Ciena', os: 'SAOS', model: '5142', version: '06-18-00-0298', serial: 'M123' },
    finds: ['processor Processor: 8', 'temperature Sensor 1: 39', 'state Fan 1: 1 ok'],
  },
  {
    name: 'Adtran',
    enterprise: '664.1.1363',
    sysDescr: 'NetVanta 3430, Version: R10.9.0.E, Date: Mon Jul 12',
    objects: {
      '664.3.1.1.0': 'NetVanta 3430',
      '664.3.1.4.0': 'LBADTN0',
      '664.3.1.6.0': 'R10.9.0.E',
      '664.5.70.22.2.2.1.1.1': 12,
    },
    identity: { vendor: 'Adtran', os: 'AOS', model: 'NetVanta 3430', version: 'R10.9.0.E', serial: 'LBADTN0' },
    finds: ['processor Processor: 12'],
  },
  {
    name: 'Ceragon',
    enterprise: '2281.1.20.2.2.10',
    sysDescr: 'Ceragon High capacity microwave radio link IP-20G',
    objects: { '2281.10.1.1.9.0': 47, '2281.10.1.1.10.0': 49, '2281.10.5.1.1.2.1': -41 },
    identity: { os: 'CeraOS', model: 'IP-20G' },
    finds: ['temperature Indoor unit: 47', 'voltage Indoor unit: 49', 'signal Radio 1 receive level: -41'],
  },
  {
    name: 'Cambium ePMP',
    enterprise: '17713.21',
    sysDescr: 'Linux ePMP',
    objects: {
      '17713.21.1.1.1.0': '4.6.1',
      '17713.21.1.1.31.0': 'M9UC',
      '17713.21.2.1.64.0': 235,
      '17713.21.1.1.7.0': 1,
    },
    identity: { vendor: 'Cambium', os: 'ePMP', version: '4.6.1', serial: 'M9UC' },
    finds: ['processor Processor: 23.5', 'state Synchronization source: 1 ok'],
  },
  {
    name: 'Cambium PMP',
    enterprise: '161.19.250.256',
    sysDescr: 'CANOPY 16.2.1 AP',
    objects: { '161.19.3.3.1.1.0': 'CANOPY 16.2.1 AP', '161.19.3.3.1.266.0': 'PMP 450', '161.19.3.3.1.35.0': '41 °C' },
    identity: { vendor: 'Cambium', os: 'Canopy', version: '16.2.1', model: 'PMP 450' },
    finds: ['temperature Board: 41'],
  },
  {
    name: 'Siklu',
    enterprise: '31926.1',
    sysDescr: 'EH-1200TX-ODU-EXT',
    objects: { '31926.1.1.0': 48, '31926.1.2.0': 44, '31926.2.1.1.19.1': -52 },
    identity: { os: 'EtherHaul', model: 'EH-1200TX-ODU-EXT' },
    finds: ['temperature System: 44', 'voltage System: 48', 'signal Receive level: -52'],
  },
  {
    name: 'Ruijie',
    enterprise: '4881.1.1.10.1.102',
    sysDescr: 'Ruijie 10G Ethernet Switch(S5750C-28GT4XS-H) By Ruijie Networks',
    objects: {
      '4881.1.1.10.2.1.1.2.0': 'RGOS 10.4(3b19)',
      '4881.1.1.10.2.1.1.16.0': 51,
      '4881.1.1.10.2.36.1.1.3.0': 7,
      '4881.1.1.10.2.35.1.1.1.3.1': 66,
    },
    identity: { vendor: 'Ruijie', os: 'RGOS', model: 'S5750C-28GT4XS-H', version: 'RGOS 10.4(3b19)' },
    finds: ['processor Processor: 7', 'memory Memory 1: 66 %', 'temperature System: 51'],
  },
  {
    name: 'Teltonika',
    enterprise: '48690',
    sysDescr: 'Linux Teltonika 4.14.195 mips',
    objects: {
      '48690.1.1.0': '1102',
      '48690.1.3.0': 'RUT955',
      '48690.1.6.0': 'RUT9_R_00.07.02.7',
      '48690.2.2.1.12.1': -67,
    },
    identity: { vendor: 'Teltonika', os: 'RutOS', model: 'RUT955', version: '00.07.02.7', serial: '1102' },
    finds: ['signal Signal of modem 1: -67'],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
});
