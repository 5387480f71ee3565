// Devices without a profile: hand-made objects, and what the rules that every device gets make of them.
import { expect, test } from 'vitest';
import { type HandMade, seen } from '../../support/hand-made-device.ts';

const DEVICES: readonly HandMade[] = [
  {
    name: 'a switch that tells its neighbours',
    enterprise: '99999.1',
    sysDescr: 'Industrial switch',
    objects: {
      '1.0.8802.1.1.2.1.5.4795.1.2.4.0': '3.2.1',
      '1.0.8802.1.1.2.1.5.4795.1.2.5.0': 'SN4711',
      '1.0.8802.1.1.2.1.5.4795.1.2.7.0': 'IS-24',
    },
    identity: { model: 'IS-24', version: '3.2.1', serial: 'SN4711' },
    finds: [],
  },
  {
    name: 'a cable modem',
    enterprise: '4115.820.1',
    sysDescr:
      'ARRIS DOCSIS 3.0 <<HW_REV: 5; VENDOR: Arris Interactive, L.L.C.; BOOTR: 1.3; SW_REV: 9.1.103AA; MODEL: TG862G>>',
    objects: {},
    identity: { vendor: 'Arris', model: 'TG862G', version: '9.1.103AA' },
    finds: [],
  },
  {
    name: 'a cable modem with the MIB of its kind',
    enterprise: '4115.820.1',
    sysDescr: '<<HW_REV: 5; VENDOR: Arris; MODEL: TG862G>>',
    objects: { '1.3.6.1.2.1.69.1.1.4.0': 'CB123', '1.3.6.1.2.1.69.1.3.5.0': 'TS0901103' },
    identity: { model: 'TG862G', version: 'TS0901103', serial: 'CB123' },
    finds: [],
  },
  {
    name: 'a version behind a v',
    enterprise: '2603.1',
    sysDescr: 'NetEnforcer AC-500 v15.1.40',
    objects: {},
    identity: { vendor: 'Allot', version: '15.1.40' },
    finds: [],
  },
];

test.each(DEVICES)('$name', async (device) => {
  const { identity, finds } = await seen(device);
  expect(identity).toMatchObject(device.identity);
  expect(finds).toEqual(expect.arrayContaining([...device.finds]));
});
