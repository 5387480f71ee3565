// Runbooks and recipes as data: those that come along are sound, mistakes are told with file, line and path, and a folder of one's own replaces by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeLibrary } from '../../../collector/compose-library.ts';
import { loadLibrary } from '../../../collector/repair/runbook-library.ts';
import { misfit, selectorOf, type Subject } from '../../../collector/repair/selector.ts';
import { filled, indexOf, missingPlaces } from '../../../collector/repair/template.ts';
import { WeirError } from '../../../common/runtime/errors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-runbooks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = { folder: null, webhooks: new Map(), policies: [] };
const load = (text: string) => {
  writeFileSync(path.join(folder, 'own.yaml'), text);
  return loadLibrary([folder], { alarmTypes: ['interface-down'], webhooks: ['tickets'] });
};
const RUNBOOK = `
runbooks:
  - name: mine
    title: Mine
    for: { alarm_types: [interface-down] }
    steps: [{ do: poll }]
`;
const ACTION = `
actions:
  - name: bounce
    title: Bounce
    target: interface
    steps:
      - values: [{ oid: '1.3.6.1.2.1.2.2.1.7.{ifIndex}', type: integer, value: '2' }]
`;

test('what comes with Weir is sound: every type, every named action, no value without a place to put it', () => {
  const { runbooks, recipes } = composeLibrary(CONFIG);
  expect(runbooks.size).toBeGreaterThan(5);
  expect([...recipes.keys()]).toEqual(
    expect.arrayContaining([
      'port-down',
      'port-up',
      'port-bounce',
      'poe-cycle',
      'outlet-cycle-apc-rpdu2',
      'outlet-cycle-raritan',
    ]),
  );
  // What cuts a port off and is left down must be put back where it cannot be verified.
  for (const recipe of recipes.values()) {
    const last = recipe.steps.at(-1)?.values.map(({ value }) => value);
    if (recipe.cuts === 'port' && !(last?.includes('1') ?? false))
      expect([recipe.name, recipe.restore]).toEqual(['port-down', 'before']);
  }
});

test("a file of one's own stands beside what comes along, and replaces it by name", () => {
  writeFileSync(path.join(folder, 'own.yaml'), RUNBOOK.replace('name: mine', 'name: interface-down'));
  const { runbooks } = composeLibrary({ ...CONFIG, folder });
  expect(runbooks.get('interface-down')).toMatchObject({ title: 'Mine', steps: [{ kind: 'poll', timeoutMs: 30_000 }] });
});

test.for([
  [
    'an alarm type that there is not',
    RUNBOOK.replace('[interface-down]', '[interface-sad]'),
    5,
    'no alarm type interface-sad',
  ],
  ['a runbook for every alarm', RUNBOOK.replace('[interface-down]', '[]'), 5, 'alarm_types'],
  ['a step that there is not', RUNBOOK.replace('do: poll', 'do: reboot'), 6, 'steps[0].do'],
  ['an action that there is not', `${RUNBOOK}    actions: [kick]\n`, 7, 'no action kick'],
  ['the same name twice', `${RUNBOOK}${RUNBOOK.split('\n').slice(2).join('\n')}`, 7, 'is there twice'],
  ['a place that there is not', ACTION.replace('{ifIndex}', '{ifAlias}'), 7, 'there is no {ifAlias}'],
  ['an index that is made of nothing', ACTION.replace('{ifIndex}', '{index}'), 3, 'say what it is made of'],
  [
    'an index by no expression',
    ACTION.replace('    steps', "    index: { from: ifName, match: '(', as: '$1' }\n    steps"),
    6,
    'regular expression',
  ],
  ['a column that is set', ACTION.replace('{ifIndex}', '{ifIndex}.*'), 7, 'only one object'],
  ['neither steps nor webhook', ACTION.replace(/ {4}steps:[^]*$/, '    steps: []\n'), 6, 'either steps or a webhook'],
  ['an outlet whose paths are checked', ACTION.replace('target: interface', 'target: outlet'), 3, 'cuts: nothing'],
  [
    'pauses beyond the patience of an agent',
    ACTION.replace(
      "'2' }]",
      "'2' }]\n        pause_seconds: 40\n      - values: [{ oid: '1.3.6.1', type: integer, value: '1' }]\n        pause_seconds: 40",
    ),
    6,
    'longer than 60 seconds',
  ],
  [
    'a webhook that nobody named',
    'actions:\n  - { name: ring, title: Ring, target: alarm, webhook: bell, verify: { expect: [] } }\n',
    2,
    'no webhook bell',
  ],
  ['a key that is not known', ACTION.replace('    target', '    danger: true\n    target'), 5, 'not a key'],
] as const)('%s is a mistake with its line', ([, text, line, message]) => {
  try {
    load(text);
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    expect(error.code).toBe('configuration_invalid');
    const issues = error.detail['issues'] as { file: string; line: number; path: string; message: string }[];
    expect(issues.map((issue) => `${issue.path}: ${issue.message}`).join('\n')).toContain(message);
    expect([issues[0]?.line, path.basename(issues[0]?.file ?? '')]).toEqual([line, 'own.yaml']);
  }
});

test('a folder that is not there, and a policy for an action that there is not, are coded errors', () => {
  expect(() => loadLibrary([path.join(folder, 'none')], { alarmTypes: [], webhooks: [] })).toThrow(
    expect.objectContaining({ code: 'configuration_missing' }),
  );
  const selector = selectorOf({
    alarm_types: ['interface-down'],
    severity: 'major',
    sites: [],
    tags: ['x'],
    devices: [],
    profiles: [],
  });
  const policy = {
    name: 'p',
    action: 'kick',
    selector,
    target: null,
    afterMs: 1,
    perDevicePerHour: 1,
    perDevicePerDay: 1,
    perDay: 1,
  };
  expect(() => composeLibrary({ ...CONFIG, policies: [policy] })).toThrow(/policy p names the action kick/);
});

describe('which alarms it is for', () => {
  const SUBJECT: Subject = {
    alarmType: 'interface-down',
    severity: 'major',
    device: 'access1',
    site: 'north',
    tags: ['edge', 'poe'],
    profile: 'cisco',
  };
  const ALL = { alarm_types: [], severity: 'indeterminate', sites: [], tags: [], devices: [], profiles: [] } as const;
  test.for([
    [{}, null],
    [{ alarm_types: ['interface-down'] }, null],
    [{ alarm_types: ['no-data'] }, 'type interface-down'],
    [{ severity: 'major' }, null],
    [{ severity: 'critical' }, 'at least critical'],
    [{ sites: ['south'] }, 'other sites'],
    [{ tags: ['poe', 'core'] }, null],
    [{ tags: ['core'] }, 'none of its tags'],
    [{ devices: ['acc*'] }, null],
    [{ devices: ['*2'] }, 'other devices'],
    [{ profiles: ['cis*'] }, null],
    [{ profiles: ['juniper'] }, 'other profiles than cisco'],
  ] as const)('%j', ([more, why]) => {
    const found = misfit(
      selectorOf(JSON.parse(JSON.stringify({ ...ALL, ...more })) as Parameters<typeof selectorOf>[0]),
      SUBJECT,
    );
    if (why === null) expect(found).toBeNull();
    else expect(found).toContain(why);
  });
});

describe('places', () => {
  test('are filled where they are known, and named where they are not', () => {
    expect(filled('1.2.{ifIndex}.{part}', { ifIndex: '7', part: '3' })).toBe('1.2.7.3');
    expect(missingPlaces('1.2.{ifIndex}.{part}', { ifIndex: '7' })).toEqual(['part']);
  });

  test('an index is digits and dots, whatever a device calls its port', () => {
    const rule = { from: 'ifName', match: /^[A-Za-z]+(\d+)\/0\/(\d+)$/, as: '$1.$2' } as const;
    expect(indexOf(rule, { ifName: 'Gi1/0/7' })).toBe('1.7');
    expect(indexOf(rule, { ifName: 'Vlan7' })).toBeNull();
    expect(indexOf(rule, {})).toBeNull();
    const loose = { from: 'ifName', match: /^(.*)$/s, as: '$1' } as const;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (ifName) => {
        const index = indexOf(loose, { ifName });
        expect(index === null || /^[\d.]+$/.test(index)).toBe(true);
      }),
      { numRuns: 40 },
    );
    expect(indexOf(loose, { ifName: '1'.repeat(300) })).toBeNull();
  });
});
