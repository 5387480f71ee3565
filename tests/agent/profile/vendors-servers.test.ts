// Servers, disks, power and cooling without a recording: hand-made objects after the syntax of their MIBs, and what the profiles make of them.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const IDRAC = '674.10892.5.4';
const RAC = '674.10892.2';
const COOLING = '318.1.1.13.3.3.1.2.2';

const DEVICES: readonly HandMade[] = [
  {
    name: 'iDRAC: parts and wear of disks',
    enterprise: '674.10892.5',
    sysDescr: 'iDRAC',
    objects: {
      [`${IDRAC}.600.30.1.5.1.2`]: 4,
      [`${IDRAC}.600.30.1.8.1.2`]: 'System Board Pwr Consumption',
      [`${IDRAC}.600.12.1.16.1.1`]: 231,
      [`${IDRAC}.600.12.1.8.1.1`]: 'PS1 Status',
      [`${IDRAC}.600.50.1.5.1.1`]: 5,
      [`${IDRAC}.600.50.1.7.1.1`]: 'CMOS Battery',
      [`${IDRAC}.1100.30.1.5.1.1`]: 3,
      [`${IDRAC}.1100.30.1.23.1.1`]: 'Intel Xeon',
      [`${IDRAC}.1100.50.1.5.1.7`]: 4,
      [`${IDRAC}.1100.50.1.8.1.7`]: 'DIMM A7',
      [`${IDRAC}.300.70.1.6.1.1`]: 2,
      '674.10892.5.5.1.20.130.4.1.2.1': 'Solid State Disk 0:1:0',
      '674.10892.5.5.1.20.130.4.1.49.1': 97,
      '674.10892.5.5.1.20.130.4.1.49.2': 255,
    },
    identity: {},
    finds: [
      'state System Board Pwr Consumption: 4 warning',
      'voltage PS1 Status input: 231',
      'state CMOS Battery: 5 critical',
      'state Intel Xeon: 3 ok',
      'state DIMM A7: 4 warning',
      'state Chassis cover: 2 critical',
      'percent Solid State Disk 0:1:0 write endurance left: 97',
    ],
  },
  {
    name: 'A chassis controller of Dell',
    enterprise: '674.10892.2',
    sysDescr: 'CMC',
    objects: {
      [`${RAC}.3.1.10.0`]: 24,
      [`${RAC}.4.1.1.13.1`]: 1480,
      [`${RAC}.4.1.1.4.1`]: 9800,
      [`${RAC}.4.1.1.14.1`]: '6.8',
      [`${RAC}.4.2.1.5.1.2`]: '229.00',
      [`${RAC}.5.1.1.2.1`]: 3,
      [`${RAC}.5.1.1.4.1`]: 'SLOT-01',
      [`${RAC}.5.1.1.2.2`]: 1,
      [`${RAC}.5.1.1.4.2`]: 'N/A',
    },
    identity: {},
    finds: [
      'temperature Front panel: 24',
      'power Chassis 1: 1480',
      'current Chassis 1: 6.8',
      'voltage Chassis 1 power supply 2: 229',
      'state Server SLOT-01: 3 ok',
    ],
  },
  {
    name: 'A domain controller of Windows that gives addresses',
    enterprise: '311.1.1.3.1.3',
    sysDescr:
      'Hardware: Intel64 Family 6 Model 85 Stepping 7 AT/AT COMPATIBLE - Software: Windows Version 6.3 (Build 17763 Multiprocessor Free)',
    objects: { '311.1.3.2.1.1.2.192.0.2.0': 14, '311.1.3.2.1.1.3.192.0.2.0': 186 },
    identity: { model: 'Intel x64', version: 'Server 2019' },
    finds: ['count Addresses of 192.0.2.0 in use: 14', 'count Addresses of 192.0.2.0 free: 186'],
  },
  {
    name: 'An enclosure of QNAP',
    enterprise: '24681',
    sysDescr: 'Linux TS-1232XU 5.0.1',
    objects: { '24681.1.4.1.1.1.1.1.2.1.7.1': 39 },
    identity: {},
    finds: ['temperature Enclosure 1: 39'],
  },
  {
    name: 'Linux with an enclosure of disks',
    enterprise: '8072.3.2.10',
    sysDescr: 'Linux store 6.1.0 #1 SMP x86_64',
    objects: { '3582.4.1.5.5.1.3.0.1': 3, '3582.4.1.5.3.1.3.0.2': 2 },
    identity: { os: 'Linux' },
    finds: ['state Enclosure power supply 0.1: 3 critical', 'state Enclosure fan 0.2: 2 ok'],
  },
  {
    name: 'InRow RP',
    enterprise: '318.1.3.14.7',
    sysDescr: 'APC InRow RP',
    objects: {
      [`${COOLING}.1.0`]: 2,
      [`${COOLING}.3.0`]: 231,
      [`${COOLING}.5.0`]: -1,
      [`${COOLING}.11.0`]: 12_340,
      [`${COOLING}.13.0`]: 57,
      [`${COOLING}.21.0`]: 2,
    },
    identity: {},
    finds: [
      'temperature Rack inlet: 23.1',
      'airflow Air flow: 1234',
      'cooling Cooling demand: 5700',
      'state Unit: 2 ok',
      'state Input contact: 2 critical',
    ],
  },
  {
    name: 'A row PDU, and a UPS with outlets',
    enterprise: '318.1.3.15',
    sysDescr: 'APC',
    objects: {
      '318.1.1.15.7.1.0': 2,
      '318.1.1.15.7.2.0': 3,
      '318.1.1.15.3.4.14.1.3.2': 2312,
      '318.1.1.15.3.4.14.1.4.2': 127,
      '318.1.1.1.12.3.2.1.2.1': 'Rack left',
      '318.1.1.1.12.3.2.1.3.1': 2,
    },
    identity: {},
    finds: [
      'state Emergency power off: 2 warning',
      'voltage Output line 2: 231.2',
      'current Output line 2: 12.7',
      'state Outlets Rack left: 2 warning',
    ],
  },
  {
    name: 'Raritan PX of the first generation',
    enterprise: '13742.4',
    sysDescr: 'Raritan Dominion PX - Firmware Version 010507-22543',
    objects: {
      '13742.4.1.1.1.0': '01.05.07',
      '13742.4.1.1.2.0': 'AEU9B50001',
      '13742.4.1.1.12.0': 'DPXR8-15',
      '13742.4.1.3.1.1.0': 5120,
      '13742.4.1.3.1.2.0': 229_000,
      '13742.4.1.3.1.3.0': 1100,
      '13742.4.1.2.2.1.2.3': 'Router',
      '13742.4.1.2.2.1.4.3': 730,
    },
    identity: { vendor: 'Raritan', model: 'DPXR8-15', version: '01.05.07', serial: 'AEU9B50001' },
    finds: ['current Unit: 5.12', 'voltage Unit: 229', 'power Unit: 1100', 'current Outlet Router: 0.73'],
  },
  {
    name: 'Eaton SC200',
    enterprise: '1918.2.13',
    sysDescr: 'SC200',
    objects: {
      '1918.2.13.10.50.30.0': 121,
      '1918.2.13.10.70.10.20.0': 5412,
      '1918.2.13.10.60.30.1.90.1': 231,
      '1918.2.13.10.60.30.1.95.1': 5408,
      '1918.2.13.10.60.30.1.90.2': 0,
      '1918.2.13.10.60.30.1.95.2': 0,
    },
    identity: { vendor: 'Eaton', os: 'SC200' },
    finds: ['power Load: 1210', 'voltage Bus: 54.12', 'voltage Rectifier 1 output: 54.08'],
  },
  {
    name: 'Vertiv NetSure',
    enterprise: '6302.2.1',
    sysDescr: 'NCU',
    objects: {
      '6302.2.1.1.2.0': 'NetSure 731',
      '6302.2.1.2.1.0': 5,
      '6302.2.1.2.2.0': 53_900,
      '6302.2.1.2.6.1.0': 231_200,
      '6302.2.1.2.6.3.0': 2_147_483_647,
      '6302.2.1.2.7.3.1.2.1': 24_500,
      '6302.2.1.2.7.3.1.3.1': 'Room',
      '6302.2.1.2.11.4.1.8.2': 1,
    },
    identity: { vendor: 'Vertiv', model: 'NetSure 731' },
    finds: [
      'state System: 5 critical',
      'voltage System: 53.9',
      'voltage Input line A: 231.2',
      'temperature Room: 24.5',
      'state Rectifier 2: 1 critical',
    ],
  },
  {
    name: 'Huawei iBMC',
    enterprise: '2011.2.235.1.1',
    sysDescr: 'Hardware management system',
    objects: {
      '2011.2.235.1.1.1.1.0': 3,
      '2011.2.235.1.1.1.6.0': 'RH2288 V3',
      '2011.2.235.1.1.1.7.0': '2102310001',
      '2011.2.235.1.1.26.50.1.2.2': 'CPU1 Core',
      '2011.2.235.1.1.26.50.1.3.2': 410,
    },
    identity: { vendor: 'Huawei', os: 'iBMC', model: 'RH2288 V3', serial: '2102310001' },
    finds: ['temperature CPU1 Core: 41', 'state System: 3 critical'],
  },
  {
    name: 'Fujitsu iRMC',
    enterprise: '231.1.17',
    sysDescr: 'PRIMERGY RX2540 M4',
    objects: {
      '231.2.10.2.2.10.2.3.1.7.1': 'YLNS001',
      '231.2.10.2.2.10.5.1.1.3.1.2': 'Ambient',
      '231.2.10.2.2.10.5.1.1.6.1.2': 23,
      '231.2.10.2.2.10.5.1.1.6.1.3': 0,
    },
    identity: { vendor: 'Fujitsu', serial: 'YLNS001' },
    finds: ['temperature Ambient: 23'],
  },
  {
    name: 'A disk array with the MIB of the Fibre Alliance',
    enterprise: '11.2.51',
    sysDescr: 'HP StorageWorks MSA2012fc',
    objects: {
      '1.3.6.1.3.94.1.6.1.7.1.2': 'MSA2012fc',
      '1.3.6.1.3.94.1.6.1.8.1.2': '3CL8T001',
      '1.3.6.1.3.94.1.8.1.3.1.2.1': 'CPU Temperature-Loc:Ctlr A',
      '1.3.6.1.3.94.1.8.1.4.1.2.1': 4,
      '1.3.6.1.3.94.1.8.1.6.1.2.1': 'Value: 57 C',
      '1.3.6.1.3.94.1.8.1.3.1.2.2': 'Voltage 12V',
      '1.3.6.1.3.94.1.8.1.6.1.2.2': 'Value: 11.96V',
    },
    identity: { model: 'MSA2012fc', serial: '3CL8T001' },
    finds: [
      'temperature CPU Temperature-Loc:Ctlr A: 57',
      'state CPU Temperature-Loc:Ctlr A: 4 warning',
      'voltage Voltage 12V: 11.96',
    ],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
  // What is not fitted, or not measured, is nothing.
  expect(
    finds.filter((line) => /N\/A|Disk 2|Supply air|transformer|Rectifier 2 output|line C|Sensor 1\.3/.test(line)),
  ).toEqual([]);
});
