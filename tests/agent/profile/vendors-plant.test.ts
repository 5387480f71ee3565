// Switches for plants and offices, thermometers and power cards without a recording: hand-made objects after the syntax of their MIBs, and what the profiles make of them.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const DEVICES: readonly HandMade[] = [
  {
    name: 'AVTECH TemPageR 4E',
    enterprise: '20916.1.1',
    sysDescr: 'TemPageR 4E v1.0',
    objects: { '20916.1.1.1.1.2.0': 2125 },
    identity: { model: 'TemPageR 4E' },
    finds: ['temperature Sensor 2: 21.25'],
  },
  {
    name: 'Cambium cnMatrix',
    enterprise: '17713.24.1',
    sysDescr: 'cnMatrix EX2028-P',
    objects: { '2076.81.1.66.0': 41, '2076.81.1.68.0': 18, '2076.81.1.70.0': 44, '2076.103.1.3.1.5.1.3': 6100 },
    identity: { vendor: 'Cambium', os: 'cnMatrix' },
    finds: [
      'processor Processor: 18',
      'memory Memory: 44 %',
      'temperature System: 41',
      'power Power over Ethernet of port 3: 6.1',
    ],
  },
  {
    name: 'Moxa EDS',
    enterprise: '8691.7.69',
    sysDescr: 'EDS-G508E-T',
    objects: {
      '8691.7.69.1.2.0': 'EDS-G508E-T',
      '8691.7.69.1.4.0': 'V5.2 build 18122718',
      '8691.7.69.1.54.0': 22,
      '8691.7.69.1.10.8.0': '6.5',
      '8691.7.69.1.10.11.1.5.9': '41.2',
      '8691.7.69.1.10.11.1.9.9': '-6.1',
    },
    identity: { vendor: 'Moxa', model: 'EDS-G508E-T', version: 'V5.2 build 18122718' },
    finds: [
      'processor Processor: 22',
      'power Consumption: 6.5',
      'temperature Port 9: 41.2',
      'dbm Port 9 receive: -6.1',
    ],
  },
  {
    name: 'Westermo',
    enterprise: '16177.1.2',
    sysDescr: 'Westermo RedFox RFI-219-T3G, firmware v4.26.2',
    objects: {},
    identity: { vendor: 'Westermo', os: 'WeOS', model: 'RedFox RFI-219-T3G', version: '4.26.2' },
    finds: [],
  },
  {
    name: 'RuggedCom',
    enterprise: '15004.2.1',
    sysDescr: 'RUGGEDCOM RSG2100',
    objects: {
      '15004.4.2.3.1.0': 'RSG2100-123',
      '15004.4.2.3.3.0': 'v4.3.5 (Jul 10 2019)',
      '15004.4.2.2.3.0': 44,
      '15004.4.2.2.5.0': 3,
    },
    identity: { os: 'ROS', model: 'RSG2100', version: 'v4.3.5', serial: 'RSG2100-123' },
    finds: ['temperature Inside: 44', 'state Power supply 2: 3 critical'],
  },
  {
    name: 'Alta Labs',
    enterprise: '61802.1',
    sysDescr: 'Alta S24-POE 2.0n',
    objects: { '61802.2.1.1.2.1': 47, '61802.2.2.1.2.1': 51 },
    identity: { vendor: 'Alta Labs', model: 'S24-POE', version: '2.0n' },
    finds: ['temperature Sensor 1: 47', 'percent Fan 1: 20'],
  },
  {
    name: 'BiNOS',
    enterprise: '738.1.5',
    sysDescr: 'T5C-24G',
    objects: {
      '738.1.5.100.1.3.1.0': 8123,
      '738.1.5.100.1.3.2.0': 'T5C-24G',
      '738.1.111.1.1.4.0': '5.2.3',
      '738.1.111.3.1.2.1.0': 11,
    },
    identity: { os: 'BiNOS', model: 'T5C-24G', version: '5.2.3', serial: '8123' },
    finds: ['processor Processor 0: 11'],
  },
  {
    name: 'SODOLA',
    enterprise: '12284.5',
    sysDescr: 'SL902-SWTGW218AS',
    objects: {
      '12284.5.1.18.0': 'SL902-SWTGW',
      '12284.5.1.10.0': 'V1.9',
      '12284.4.1.6.0': '12%',
      '12284.4.1.7.0': '44%',
    },
    identity: { vendor: 'SODOLA', model: 'SL902-SWTGW', version: 'V1.9' },
    finds: ['processor Processor: 12', 'memory Memory: 44 %'],
  },
  {
    name: 'ALAXALA',
    enterprise: '21839.1.2.7',
    sysDescr: 'ALAXALA AX3630S AX-3630-24T2XW-A [AX3630S-24T2XW] Switching software Ver. 11.7.F [OS-L3L]',
    objects: {
      '21839.2.2.7.2.1.3.1.2.1': 'main board',
      '21839.2.2.7.2.1.3.1.3.1': 37,
      '21839.2.2.7.2.1.4.1.3.2': 4,
      '21839.2.2.7.2.1.5.1.2.1': 3,
    },
    identity: { vendor: 'ALAXALA', model: 'AX3630S-24T2XW', version: '11.7.F' },
    finds: ['temperature main board: 37', 'state Power supply 2: 4 critical', 'state Fan 1: 3 warning'],
  },
  {
    name: 'HWg-STE',
    enterprise: '21796.4.1',
    sysDescr: 'HWg-STE',
    objects: { '21796.4.1.3.1.2.1': 'Sensor 215', '21796.4.1.3.1.5.1': 234 },
    identity: { vendor: 'HW group', model: 'HWg-STE' },
    finds: ['temperature Sensor 215: 23.4'],
  },
  {
    name: 'Net Vision',
    enterprise: '4555.1.1.1',
    sysDescr: 'Net Vision v6',
    objects: { '4555.1.1.1.1.2.5.0': 4075, '4555.1.1.1.1.3.3.1.2.1': 2291, '4555.1.1.1.1.1.3.0': '2.06' },
    identity: { vendor: 'Socomec', os: 'Net Vision', version: '2.06' },
    finds: ['voltage Battery: 407.5', 'voltage Input 1: 229.1'],
  },
  {
    name: 'Alpha Comp@s',
    enterprise: '26854.3',
    sysDescr: 'Comp@s',
    objects: { '26854.3.2.1.20.1.20.1.13.3.11.0': '54.6' },
    identity: { vendor: 'Alpha Technologies' },
    finds: ['voltage Direct current bus: 54.6'],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
});
