// Older and smaller systems of operators without a recording: hand-made objects after the syntax of their MIBs, and what the profiles make of them.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const ENTITY = '1.3.6.1.2.1.47.1.1.1.1';

const DEVICES: readonly HandMade[] = [
  {
    name: 'Cisco CatOS',
    enterprise: '9.5.44',
    sysDescr: 'Cisco Systems WS-C6509 Cisco Catalyst Operating System Software, Version 8.4(2a)',
    objects: { '9.5.1.2.16.0': 'WS-C6509', '9.5.1.2.19.0': 'SCA0412' },
    identity: { vendor: 'Cisco', os: 'CatOS', model: 'WS-C6509', version: '8.4(2a)', serial: 'SCA0412' },
    finds: [],
  },
  {
    name: 'Cisco Unified Communications',
    enterprise: '9.1.1348',
    sysDescr: 'Hardware:VMware, 1  Intel(R) Xeon(R) CPU, 4096 MB Memory: Software:UCOS 6.0.0.0-2',
    objects: {},
    identity: { os: 'UCOS', model: 'VMware', version: '6.0.0.0-2' },
    finds: [],
  },
  {
    name: 'Ubiquiti UFiber',
    enterprise: '41112.1.5',
    sysDescr: 'UBNT UFiber v4.2.0',
    objects: {
      '41112.1.5.1.1.0': 'UF-OLT',
      '41112.1.5.1.2.0': 'F09FC2000001',
      '41112.1.5.4.2.1.3.1': 46_500,
      '41112.1.5.6.1.0': 17,
      '41112.1.5.6.2.1.3.9': 2,
      '41112.1.5.6.2.1.9.9': -1860,
    },
    identity: { os: 'UFiber', model: 'UF-OLT', version: '4.2.0', serial: 'F09FC2000001' },
    finds: [
      'temperature Sensor 1: 46.5',
      'count ONUs: 17',
      'state ONU 9: 2 critical',
      'dbm ONU 9 receive power: -18.6',
    ],
  },
  {
    name: 'C-Data',
    enterprise: '17409.1.7',
    sysDescr: 'FD1604S',
    objects: {
      '17409.2.3.1.3.1.1.7.1.0': 'FD1604S-B0',
      '17409.2.3.1.3.1.1.9.1.0': 'V1.4.8',
      '17409.2.3.1.1.13.0': 'CD190001',
      '34592.1.3.100.1.8.1.0': 23,
      '34592.1.3.100.1.8.6.0': 415,
    },
    identity: { vendor: 'C-Data', model: 'FD1604S-B0', version: 'V1.4.8', serial: 'CD190001' },
    finds: ['processor Processor: 23', 'temperature System: 41.5'],
  },
  {
    name: 'Aviat WTM',
    enterprise: '2509.9.1.4',
    sysDescr: 'WTM 4100',
    objects: {
      [`${ENTITY}.10.2`]: '5.2.0',
      [`${ENTITY}.11.2`]: 'AVT01',
      [`${ENTITY}.13.2`]: 'WTM4100',
      '2509.9.3.2.1.1.14.60': 9,
    },
    identity: { os: 'WTM', model: 'WTM4100', version: '5.2.0', serial: 'AVT01' },
    finds: ['state Modulation of carrier 60: 9 ok'],
  },
  {
    name: 'Advantech EKI',
    enterprise: '10297.202.7000',
    sysDescr: 'EKI-7720G-4FI',
    objects: { '10297.100.1.4.0': '1.01.30', '10297.202.7000.2.5.2.1.6.9': '-7.4' },
    identity: { vendor: 'Advantech', os: 'EKI', version: '1.01.30' },
    finds: ['dbm Port 9 receive power: -7.4'],
  },
  {
    name: 'Yamaha RTX',
    enterprise: '1182.1.37',
    sysDescr: 'RTX1210 Rev.14.01.33 (Thu Aug 15 14:58:46 2019)',
    objects: { '1182.2.1.4.0': 27, '1182.2.1.7.0': 3, '1182.2.1.15.0': 44 },
    identity: { vendor: 'Yamaha', model: 'RTX1210', version: '14.01.33' },
    finds: ['processor Processor: 3', 'memory Memory: 27 %', 'temperature System: 44'],
  },
  {
    name: 'Casa',
    enterprise: '20858.2.600',
    sysDescr: 'Casa Systems C100G CMTS, Rel 8.2.5.1',
    objects: { '20858.10.13.1.1.1.4.3': 31, [`${ENTITY}.2.3`]: 'SMM module' },
    identity: { vendor: 'Casa Systems', os: 'CASA DCTS', model: 'C100G', version: '8.2.5.1' },
    finds: ['processor SMM module: 31'],
  },
  {
    name: 'Cambium cnPilot',
    enterprise: '17713.22.1.2',
    sysDescr: '4.2.2-r3',
    objects: {
      '17713.22.1.1.1.4.0': 'W8SG01',
      '17713.22.1.1.1.5.0': 'cnPilot E600',
      '17713.22.1.1.1.8.0': '4.2.2-r3',
    },
    identity: { os: 'cnPilot', model: 'cnPilot E600', version: '4.2.2-r3', serial: 'W8SG01' },
    finds: [],
  },
  {
    name: 'Zhone',
    enterprise: '5504.1.6.46',
    sysDescr: 'MXK 819 SLMS version 3.1.2.245',
    objects: { '5504.3.3.3.1.5.1.10': 12 },
    identity: { vendor: 'Zhone', os: 'SLMS', version: '3.1.2.245' },
    finds: ['processor Processor 1.10: 12'],
  },
  {
    name: 'Calix AXOS',
    enterprise: '6321.1.2.4',
    sysDescr: 'AXOS E7-2',
    objects: {
      '6321.1.2.4.2.4.2.1.3.1': 1,
      '6321.1.2.4.2.4.2.1.6.1': 25_000,
      '6321.1.2.4.2.4.2.1.3.2': 0,
      '6321.1.2.4.2.4.2.1.6.2': 25_000,
      '6321.1.2.4.2.6.1.1.3.7': 1,
      '6321.1.2.4.2.6.1.1.6.7': 100,
    },
    identity: { vendor: 'Calix', os: 'AXOS' },
    finds: ['dbm PON port 1 transmit power: 3.979', 'state PON port 2: 0 unknown', 'dbm ONT 7 receive power: -20'],
  },
  {
    name: 'Ericsson MINI-LINK TN',
    enterprise: '193.81.1.1.1',
    sysDescr: 'MINI-LINK TN',
    objects: {
      '193.81.3.4.3.1.1.1.8.12': 41,
      '193.81.3.4.3.1.2.1.7.2147': 2,
      '193.81.3.4.1.1.4.1.3.2147': 6,
      [`${ENTITY}.7.12`]: 'RAU2 X 23',
      '1.3.6.1.2.1.31.1.1.1.1.2147': 'RAU IF 1/3',
    },
    identity: { vendor: 'Ericsson' },
    finds: [
      'temperature Radio unit RAU2 X 23: 41',
      'state RAU IF 1/3 transmitter: 2 critical',
      'count RAU IF 1/3 severely errored seconds: 6',
    ],
  },
  {
    name: 'Adtran NetVanta',
    enterprise: '664.1.1449',
    sysDescr: 'NetVanta 3140, Version: R13.2.0.E, Date: Fri Jun 01 2018',
    objects: { '664.5.53.1.4.4.0': 7, '664.5.53.1.4.7.0': 1000, '664.5.53.1.4.8.0': 650 },
    identity: { model: 'NetVanta 3140', version: 'R13.2.0.E' },
    finds: ['processor Processor: 7', 'memory Heap: 35 %'],
  },
  {
    name: 'VyOS on a machine that says what it is',
    enterprise: '44641',
    sysDescr: 'VyOS 1.4.0',
    objects: { '1.3.6.1.2.1.25.3.2.1.3.196608': 'GenuineIntel: Intel(R) Xeon(R) CPU E3-1220' },
    identity: { os: 'VyOS', version: '1.4.0', model: 'GenuineIntel: Intel(R) Xeon(R) CPU E3-1220' },
    finds: [],
  },
  {
    name: 'pfSense Plus',
    enterprise: '8072.3.2.8',
    sysDescr: 'pfSense Plus fw1.example.net 23.05.1-RELEASE FreeBSD 14.0-CURRENT amd64',
    objects: {},
    identity: { vendor: 'Netgate', os: 'pfSense', version: '23.05.1-RELEASE' },
    finds: [],
  },
  {
    name: 'ADVA FSP 150',
    enterprise: '2544.1.12.1.1.14',
    sysDescr: 'FSP150-XG116Pro',
    objects: {
      [`${ENTITY}.7.1`]: 'FSP150-XG116PRO',
      [`${ENTITY}.8.1`]: '2.01',
      [`${ENTITY}.10.1`]: '11.5.1',
      [`${ENTITY}.11.1`]: 'LBADVA1',
    },
    identity: { os: 'FSP 150', model: 'FSP150-XG116PRO 2.01', version: '11.5.1', serial: 'LBADVA1' },
    finds: [],
  },
  {
    name: 'FreeBSD with its own agent',
    enterprise: '12325.1.1.2.1.1',
    sysDescr: 'gate.example.net 2847165423 FreeBSD 12.2-RELEASE-p6',
    objects: {},
    identity: { os: 'FreeBSD', version: '12.2-RELEASE-p6' },
    finds: [],
  },
  {
    name: 'Cisco with a modem',
    enterprise: '9.1.2070',
    sysDescr: 'Cisco IOS Software, C800 Software (C800-UNIVERSALK9-M), Version 15.7(3)M5, RELEASE SOFTWARE (fc1)',
    objects: { '9.9.661.1.3.4.1.1.1.14': -67, '9.9.817.1.1.1.1.1.1.14': -98 },
    identity: { os: 'IOS', version: '15.7(3)M5' },
    finds: ['signal Modem 14 RSSI: -67', 'signal Modem 14 LTE RSRP: -98'],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
});
