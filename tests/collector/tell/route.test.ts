// Routes: what fits, hours over the days on which clocks are turned, and what of the configuration is refused and where.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { opensAtMs, type Route, whyNot, whyTooMild } from '../../../collector/tell/route.ts';
import { stormOf, tellingConfigOf, tellingSchema } from '../../../collector/tell/telling-config.ts';
import { judge } from '../../../collector/tell/judge.ts';
import type { AlarmNow, LedgerRow } from '../../../collector/tell/told.ts';
import { parseConfiguration } from '../../../common/runtime/configuration.ts';
import { isoTime } from '../../../common/model/time.ts';
import { alarmRow, route } from '../../support/telling-machine.ts';

const ALARM: AlarmNow = {
  row: { ...alarmRow('1', null), is_cleared: false, device: 'core1.paris', severity: 'minor' },
  id: '1',
  site: 'paris',
  tags: ['edge', 'gold'],
  customers: [],
  silence: null,
};

describe('a route', () => {
  test.each<[string, Partial<Route>, string | null]>([
    ['without conditions', {}, null],
    ['of its site', { sites: ['lyon', 'paris'] }, null],
    ['of another site', { sites: ['lyon'] }, 'the site paris is none of lyon'],
    ['of one of its tags', { tags: ['gold'] }, null],
    ['of another tag', { tags: ['lab', 'old'] }, 'no tag of the device is one of lab, old'],
    ['of its name', { devices: ['core1.paris'] }, null],
    ['of a pattern', { devices: ['acc*', 'core*.paris'] }, null],
    ['of a pattern in the middle', { devices: ['*1.par*'] }, null],
    [
      'of another pattern',
      { devices: ['core1.paris2*', '*.lyon'] },
      'the device core1.paris fits none of core1.paris2*, *.lyon',
    ],
    [
      'of parts that would overlap',
      { devices: ['core1.par*aris'] },
      'the device core1.paris fits none of core1.par*aris',
    ],
    ['of its type', { alarmTypes: ['interface-down'] }, null],
    ['of another type', { alarmTypes: ['agent-silent'] }, 'the type interface-down is none of agent-silent'],
    ['of everything at once', { sites: ['paris'], tags: ['lab'] }, 'no tag of the device is one of lab'],
  ])('%s', (_name, words, expected) => {
    expect(whyNot(route(words), ALARM)).toBe(expected);
  });

  test('an alarm of no device fits no device, site or tag', () => {
    const agent = { ...ALARM, row: { ...ALARM.row, device: null }, site: null, tags: [] };
    expect(whyNot(route({ devices: ['*'] }), agent)).toBe('no device fits none of *');
    expect(whyNot(route({ sites: ['paris'] }), agent)).toBe('no site is none of paris');
    expect(whyNot(route({}), agent)).toBeNull();
  });

  test('a service level is at least, also of a step of its escalation', () => {
    const gold = { ...ALARM, serviceLevel: 'gold' };
    expect(whyNot(route({ serviceLevel: 'silver' }), gold)).toBeNull();
    expect(whyNot(route({ serviceLevel: 'platinum' }), gold)).toBe('the service level gold, which is below platinum');
    expect(whyNot(route({ serviceLevel: 'bronze' }), ALARM)).toBe('it carries no service level, which is below bronze');
    const toldAt = { sinceMs: 1000, toldAtMs: 1000, belief: null, intent: null } as unknown as LedgerRow;
    const due = (alarm: AlarmNow, nowMs: number): unknown => {
      const steps = [
        { afterMs: 60_000, channels: ['boss'], serviceLevel: 'gold' as const },
        { afterMs: 600_000, channels: ['boss'] },
      ];
      const verdict = judge({
        alarm,
        channel: 'boss',
        routes: [route({ channels: ['noc'], escalation: steps })],
        ledger: new Map([['noc', toldAt]]),
        nowMs,
      });
      return verdict.due ? verdict.kind : (verdict.untilMs ?? verdict.text);
    };
    expect([due(gold, 60_999), due(gold, 61_000)]).toEqual([61_000, 'escalated']);
    expect([due(ALARM, 61_000), due(ALARM, 601_000)]).toEqual([601_000, 'escalated']);
    const only = judge({
      alarm: ALARM,
      channel: 'boss',
      routes: [route({ escalation: [{ afterMs: 1, channels: ['boss'], serviceLevel: 'gold' }] })],
      ledger: new Map([['noc', toldAt]]),
      nowMs: 1_000_000,
    });
    expect(only.due ? '' : only.text).toContain('no service level');
  });

  test('a severity is at least', () => {
    expect(whyTooMild(route({ severity: 'minor' }), ALARM)).toBeNull();
    expect(whyTooMild(route({ severity: 'major' }), ALARM)).toBe('the severity minor is below major');
  });
});

describe('hours', () => {
  const office = {
    zone: 'Europe/Paris',
    spans: [{ weekdays: ['monday', 'friday'] as const, from: '08:00', to: '18:00' }],
  };
  const night = { zone: 'America/New_York', spans: [{ weekdays: ['friday'] as const, from: '22:00', to: '06:00' }] };

  test.each([
    [office, '2026-11-27T06:59:00Z', '2026-11-27T07:00:00.000Z'],
    [office, '2026-11-27T07:00:00Z', null],
    [office, '2026-11-27T16:59:00Z', null],
    [office, '2026-11-27T17:00:00Z', '2026-11-30T07:00:00.000Z'],
    // Summer time begins on Sunday the 29th of March.
    [office, '2026-03-27T20:00:00Z', '2026-03-30T06:00:00.000Z'],
    // Friday night, into Saturday.
    [night, '2026-11-28T02:59:00Z', '2026-11-28T03:00:00.000Z'],
    [night, '2026-11-28T10:59:00Z', null],
    [night, '2026-11-28T11:00:00Z', '2026-12-05T03:00:00.000Z'],
    [null, '2026-11-28T11:00:00Z', null],
  ])('%j at %s: %s', (hours, at, expected) => {
    const opens = opensAtMs(hours, Date.parse(at));
    expect(opens === null ? null : isoTime(opens)).toBe(expected);
  });

  test('what opens next is closed until then, and open then', () => {
    const clock = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '30'))
      .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`);
    const span = fc.record({
      weekdays: fc.subarray(['monday', 'saturday', 'sunday'] as const),
      from: clock,
      to: clock,
    });
    const zone = fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe');
    const from = Date.parse('2026-10-20T00:00:00Z');
    fc.assert(
      fc.property(
        zone,
        fc.array(span, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 20 * 1440 }),
        (name, spans, minute) => {
          const hours = { zone: name, spans };
          const nowMs = from + minute * 60_000;
          const opens = opensAtMs(hours, nowMs);
          if (opens === null) return;
          expect(opens).toBeGreaterThan(nowMs);
          expect(opensAtMs(hours, opens)).toBeNull();
          for (let at = nowMs; at < Math.min(opens, nowMs + 86_400_000); at += 30 * 60_000)
            expect(opensAtMs(hours, at)).not.toBeNull();
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the configuration', () => {
  const hook = { kind: 'webhook', url: 'http://127.0.0.1:1/', secret: 'x' };

  test.each<[string, unknown, string]>([
    ['a channel that there is not', { routes: [{ name: 'a', channels: ['noc'] }] }, 'there is no channel noc'],
    [
      'a step to one',
      {
        channels: { noc: hook },
        routes: [{ name: 'a', channels: ['noc'], escalation: [{ after_minutes: 1, channels: ['boss'] }] }],
      },
      'there is no channel boss',
    ],
    [
      'two routes of one name',
      {
        channels: { noc: hook },
        routes: [
          { name: 'a', channels: ['noc'] },
          { name: 'a', channels: ['noc'] },
        ],
      },
      'is there twice',
    ],
    [
      'a place that there is not',
      { channels: { c: { kind: 'chat', url: 'x', body: { text: ['{{sevrity}}'] } } } },
      'there is no {{sevrity}}',
    ],
    [
      'a user without a password',
      { channels: { m: { kind: 'email', host: 'h', from: 'a@b.c', to: ['d@e.f'], user: 'u' } } },
      'user and password go together',
    ],
    ['another kind', { channels: { p: { kind: 'pigeon' } } }, 'Invalid'],
    [
      'a zone that there is not',
      {
        channels: { noc: hook },
        routes: [{ name: 'a', channels: ['noc'], hours: { zone: 'Paris', spans: [{ from: '08:00', to: '18:00' }] } }],
      },
      'expected an IANA time zone',
    ],
  ])('%s is refused', (_name, words, message) => {
    const parsed = tellingSchema.safeParse(words);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toContain(message);
  });

  test('the example of docs/operations.md is one', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/operations.md'), 'utf8');
    const example = /^ {4}collector:\n {6,}telling:\n(?:(?: {4}.*)?\n)*?(?=\S)/m.exec(page)?.[0] ?? '';
    const text = example.replaceAll(/^ {4}/gm, '');
    const whole = z.object({ collector: z.object({ telling: tellingSchema }) });
    const { channels, routes } = parseConfiguration(text, 'operations.md', whole).collector.telling;
    expect(Object.keys(channels)).toEqual(['noc', 'on-call', 'chat', 'alertmanager', 'log']);
    expect(routes.map(({ name }) => name)).toEqual(['everything', 'core', 'office']);
  });

  test('nothing is told where nothing is said, and defaults are as documented', () => {
    expect(tellingConfigOf(tellingSchema.parse({})).channels.size).toBe(0);
    const { channels, routes } = tellingConfigOf(
      tellingSchema.parse({
        channels: { noc: hook, am: { kind: 'alertmanager', url: 'http://127.0.0.1:1' } },
        routes: [{ name: 'a', channels: ['noc'], escalation: [{ after_minutes: 15, channels: ['am'] }] }],
      }),
    );
    expect(routes).toEqual([route({ name: 'a', escalation: [{ afterMs: 900_000, channels: ['am'] }] })]);
    const [noc, alertmanager] = [...channels.values()].map(stormOf);
    expect(noc).toEqual({ messages: 20, spanMs: 600_000, digestMs: 300_000 });
    expect(alertmanager?.messages).toBe(Number.MAX_SAFE_INTEGER);
  });
});
