// Rules of devices: which overrides fit, what is refused, and what becomes of two that contradict each other.
import { describe, expect, test } from 'vitest';
import { DEFAULT_FAULTS, faultsConfigOf, faultsSchema } from '../../../collector/faults/fault-rules.ts';
import { RuleBook } from '../../../collector/faults/rule-book.ts';
import { isFor } from '../../../collector/faults/rule-overrides.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const config = (overrides: unknown) => faultsConfigOf(faultsSchema.parse({ overrides }));

describe('which device an override is for', () => {
  test.each([
    ['core1', true],
    ['core*', true],
    ['*1', true],
    ['c*e*', true],
    ['*', true],
    ['core', false],
    ['*2', false],
    ['core1*1', false],
    ['Core1', false],
  ])('core1 by %s: %s', (device, expected) => {
    expect(isFor({ device, rules: {} }, { name: 'core1', site: null, tags: [] })).toBe(expected);
  });

  test('everything that it names must fit', () => {
    const device = { name: 'core1', site: 'north', tags: ['access', 'poe'] };
    expect(isFor({ site: 'north', tag: 'poe', rules: {} }, device)).toBe(true);
    expect(isFor({ site: 'north', tag: 'core', rules: {} }, device)).toBe(false);
    expect(isFor({ site: 'south', tag: 'poe', rules: {} }, device)).toBe(false);
  });
});

describe('what is refused', () => {
  test.each<[name: string, override: object, path: string]>([
    ['no device', { rules: {} }, 'overrides.0'],
    ['a rule that does not exist', { device: 'a', rules: { interface_dawn: {} } }, 'overrides.0.rules'],
    [
      'a field that does not exist',
      { device: 'a', rules: { interface_down: { level: 1 } } },
      'overrides.0.rules.interface_down',
    ],
    [
      'a value that is not allowed',
      { device: 'a', rules: { interface_down: { severity: 'bad' } } },
      'overrides.0.rules.interface_down.severity',
    ],
    [
      'levels in the wrong order',
      { device: 'a', rules: { high_utilisation: { raise_percent: 50 } } },
      'overrides.0.rules.high_utilisation.clear_percent',
    ],
    [
      'a rule of agents',
      { device: 'a', rules: { agent_silent: { enabled: false } } },
      'overrides.0.rules.agent_silent',
    ],
    [
      'an expression that is none',
      { device: 'a', rules: { interface_down: { wanted: { aliases: ['('] } } } },
      'overrides.0.rules.interface_down.wanted.aliases.0',
    ],
  ])('%s', (_, override, path) => {
    const parsed = faultsSchema.safeParse({ overrides: [override] });
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
  });
});

describe('rules of a device', () => {
  test('fields deep in a rule are changed, what is beside them stays', () => {
    const book = new RuleBook(
      silentReporter().reporter,
      config([{ device: 'a', rules: { interface_down: { wanted: { services: false } } } }]),
      () => ({ site: null, tags: [] }),
    );
    const { interfaceDown } = book.of('a');
    expect(interfaceDown.wanted).toEqual({ ...DEFAULT_FAULTS.rules.interfaceDown.wanted, services: false });
    expect(book.of('b')).toBe(book.rules);
  });

  test('of two that are sound alone and not together the later is left out, and it is said', () => {
    const { reporter, lines } = silentReporter();
    const overrides = [
      { device: 'a', rules: { high_utilisation: { raise_percent: 60, clear_percent: 50 } } },
      { device: '*', rules: { high_utilisation: { clear_percent: 70 } } },
    ];
    const book = new RuleBook(reporter, config(overrides), () => ({ site: null, tags: [] }));
    expect(book.of('a').highUtilisation).toMatchObject({ raiseAt: 60, clearBelow: 50 });
    expect(book.of('b').highUtilisation).toMatchObject({ raiseAt: 90, clearBelow: 70 });
    expect(JSON.stringify(lines)).toContain('contradict');
  });

  test('other tags, and another configuration, count from the next question on', () => {
    let tags = ['access'];
    const off = { rules: { interface_down: { enabled: false } } };
    const book = new RuleBook(silentReporter().reporter, config([{ tag: 'lab', ...off }]), () => ({
      site: null,
      tags,
    }));
    expect(book.of('a').interfaceDown.enabled).toBe(true);
    tags = ['lab'];
    expect(book.of('a').interfaceDown.enabled).toBe(false);
    book.replace(config([{ tag: 'other', ...off }]));
    expect(book.of('a').interfaceDown.enabled).toBe(true);
  });
});
