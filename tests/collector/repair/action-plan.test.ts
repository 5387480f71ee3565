// What a recipe comes to, and every reason against it: one row each.
import { expect, test } from 'vitest';
import { composeLibrary } from '../../../collector/compose-library.ts';
import { type PlanGrounds, planAction } from '../../../collector/repair/action-plan.ts';
import type { AlarmFacts, PortFacts } from '../../../collector/repair/facts.ts';
import type { Recipe } from '../../../collector/repair/runbook.ts';

const { recipes } = composeLibrary({ folder: null, webhooks: new Map(), policies: [] });
const recipe = (name: string): Recipe => {
  const found = recipes.get(name);
  if (found === undefined) throw new Error(name);
  return found;
};
const ALARM: AlarmFacts = {
  id: '7',
  resource: 'access1/Gi1/0/7',
  alarmType: 'interface-down',
  severity: 'major',
  device: 'access1',
  text: 'down',
  isCleared: false,
  raisedAtMs: 1,
  clearedAtMs: null,
};
const PORT: PortFacts = {
  device: 'access1',
  resource: 'access1/Gi1/0/7',
  key: 'Gi1/0/7',
  ifIndex: '10107',
  ifName: 'Gi1/0/7',
  ifDescr: 'GigabitEthernet1/0/7',
  ifType: 6,
  adminStatus: 1,
  operStatus: 2,
  seenAtMs: 1,
};
const DEVICE = { agent: 'agent-1', site: 'north', tags: ['edge'] };
const LIMITS = {
  runsAtOnce: 1,
  runsPerHour: 1,
  runsPerDevicePerHour: 1,
  actionsPerHour: 10,
  actionsPerDevicePerHour: 4,
  actionsPerDevicePerDay: 6,
};
const NOW = { open: [], lastHour: 0, ofDeviceLastHour: 0, ofDeviceLastDay: 0 };

function grounds(more: Partial<PlanGrounds> = {}): PlanGrounds {
  return {
    recipe: recipe('port-bounce'),
    alarm: ALARM,
    alarmDevice: DEVICE,
    target: 'access1/Gi1/0/7',
    targetDevice: DEVICE,
    port: PORT,
    profile: 'cisco',
    path: { own: 'kept', others: [] },
    now: NOW,
    limits: LIMITS,
    protected: ['core*/*'],
    ...more,
  };
}

test('a port is bounced by two steps with a pause, and what it must be in the end is what is set last', () => {
  const { plan, reasons, warnings } = planAction(grounds());
  expect([reasons, warnings]).toEqual([[], []]);
  const oid = '1.3.6.1.2.1.2.2.1.7.10107';
  expect(plan).toMatchObject({
    device: 'access1',
    agent: 'agent-1',
    target: 'access1/Gi1/0/7',
    steps: [
      { varbinds: [{ oid, type: 'integer', value: '2' }], pauseMs: 5000 },
      { varbinds: [{ oid, type: 'integer', value: '1' }], pauseMs: 0 },
    ],
    expected: [{ oid, value: '1' }],
    expect: ['values', 'interface_up'],
    restore: 'before',
  });
});

test('power over Ethernet goes by group and port, made of the name of the port', () => {
  const { plan } = planAction(grounds({ recipe: recipe('poe-cycle') }));
  expect(plan?.steps.map(({ varbinds }) => varbinds[0]?.oid)).toEqual(Array(2).fill('1.3.6.1.2.1.105.1.1.1.3.1.7'));
});

test('of an outlet the state that is read is another object than the command', () => {
  const { plan, reasons } = planAction(
    grounds({
      recipe: recipe('outlet-cycle-apc-rpdu2'),
      alarm: { ...ALARM, alarmType: 'device-unreachable', resource: 'access1' },
      target: 'pdu1/outlet:rPDU2Outlet.5',
      port: null,
      profile: 'apc',
      path: null,
    }),
  );
  expect(reasons).toEqual([]);
  expect(plan?.steps[0]?.varbinds).toEqual([
    { oid: '1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.5', type: 'integer', value: '3' },
  ]);
  expect(plan?.expected).toEqual([{ oid: '1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.5', value: '2' }]);
});

const open = [{ action: 'port-up', device: 'access1', alarm: '9' }];
test.for([
  ['the alarm is over', { alarm: { ...ALARM, isCleared: true } }, 'the alarm is over'],
  [
    'it is for other alarms',
    { alarm: { ...ALARM, alarmType: 'storage-full' } },
    'not for alarms of the type storage-full',
  ],
  ['no target is known', { target: null }, 'name a target'],
  ['the device is gone', { targetDevice: null }, 'there is no device access1'],
  ['the interface is gone', { port: null }, 'not known of access1/Gi1/0/7: ifIndex'],
  ['it is protected', { protected: ['access1/Gi1/0/*'] }, 'is protected'],
  ['it is no port with a plug', { port: { ...PORT, ifType: 161 } }, 'no physical port (ifType 161)'],
  ['nobody knows what it is', { port: { ...PORT, ifType: null } }, 'no physical port (ifType not known)'],
  ['it is the only way to the device', { path: { own: 'cut', others: [] } }, 'the only way from its agent to access1'],
  [
    'nobody knows where the agent is',
    { path: { own: 'unsure', others: ['core1'] } },
    'where the agent of access1 is plugged in',
  ],
  ['another is in hand there', { now: { ...NOW, open } }, 'port-up is in hand'],
  [
    'another is in hand for this alarm',
    { now: { ...NOW, open: [{ ...open[0], device: 'x', alarm: '7' }] } },
    'is in hand',
  ],
  ['the hour is full', { now: { ...NOW, lastHour: 10 } }, '10 actions in the last hour'],
  [
    'the device had its share of the hour',
    { now: { ...NOW, ofDeviceLastHour: 4 } },
    '4 actions on access1 in the last hour',
  ],
  [
    'the device had its share of the day',
    { now: { ...NOW, ofDeviceLastDay: 6 } },
    '6 actions on access1 in the last day',
  ],
  [
    'its index cannot be made',
    { recipe: recipe('poe-cycle'), port: { ...PORT, ifName: 'ge-0/0/7' } },
    'not known of access1/Gi1/0/7: index',
  ],
  [
    'it is for devices of another make',
    { recipe: recipe('poe-cycle'), profile: 'juniper' },
    'other profiles than juniper',
  ],
  [
    'it is no outlet',
    { recipe: recipe('outlet-off-raritan'), profile: 'raritan', port: null, path: null },
    'not known of access1/Gi1/0/7: index',
  ],
] as const)('it may not be done where %s', ([, more, reason]) => {
  const { reasons } = planAction(grounds(more as Partial<PlanGrounds>));
  expect(reasons.join('\n')).toContain(reason);
});

test.for([
  [
    'others would be cut off',
    { path: { own: 'kept', others: ['ap1', 'ap2', 'ap3', 'ap4', 'ap5', 'ap6'] } },
    'ap1, ap2, ap3, ap4, ap5 and 1 more would be cut off',
  ],
  [
    'nothing is known of the way to the device',
    { path: { own: 'unknown', others: [] } },
    'nothing is known of how access1 is reached',
  ],
] as const)('a person is warned where %s', ([, more, warning]) => {
  const { reasons, warnings } = planAction(grounds(more));
  expect([reasons, warnings.join()]).toEqual([[], expect.stringContaining(warning)]);
});

test('what cuts nothing needs no path', () => {
  expect(
    planAction(grounds({ recipe: recipe('port-up'), path: null, port: { ...PORT, ifType: 161 } })).reasons,
  ).toEqual([]);
});
