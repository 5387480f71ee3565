// The figure of a service: a table of what contracts say, and random records against an oracle that asks every instant one by one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  availabilityOf,
  type DownRecord,
  type LevelTerms,
  type PortRecord,
  serviceLevelOf,
  USUAL_TERMS,
} from '../../../common/model/service-level.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(`2026-11-${text}:00Z`);
/** Tuesday to Saturday. */
const SPAN = { fromMs: at('03T00:00'), toMs: at('07T00:00') };

const down = (alarm: string, resource: string, from: string, to: string | null): DownRecord => ({
  alarm,
  alarmType: resource.includes('/') ? 'interface-down' : 'device-unreachable',
  resource,
  fromMs: at(from),
  toMs: to === null ? null : at(to),
});
const port = (resource: string, downs: readonly DownRecord[], more: Partial<PortRecord> = {}): PortRecord => ({
  resource,
  ...SPAN,
  downs,
  windows: [],
  ...more,
});
const window = (from: string, to: string, announced: string) => ({
  window: '7',
  fromMs: at(from),
  toMs: at(to),
  announcedAtMs: at(announced),
  reason: 'a new line card',
});

describe('outages', () => {
  test('that overlap are one, with the alarms of both; one that was not cleared goes on to the end', () => {
    const level = serviceLevelOf(USUAL_TERMS, SPAN, [
      port('r1/ge-0', [
        down('1', 'r1/ge-0', '03T10:00', '03T11:00'),
        down('2', 'r1', '03T10:30', '03T12:00'),
        down('1', 'r1/ge-0', '06T22:00', null),
      ]),
    ]);
    expect(level.outages.map((one) => [one.fromMs, one.toMs, one.alarms.map(({ alarm }) => alarm).join()])).toEqual([
      [at('03T10:00'), at('03T12:00'), '1,2'],
      [at('06T22:00'), SPAN.toMs, '1'],
    ]);
    expect(level).toMatchObject({ measuredMs: 96 * HOUR, outageMs: 4 * HOUR, excludedMs: 0, degradedMs: 0 });
    expect(availabilityOf(level)?.toFixed(3, 'down')).toBe('95.833');
  });

  const two = [
    port('r1/ge-0', [down('1', 'r1/ge-0', '03T10:00', '03T14:00')]),
    port('r2/ge-0', [down('2', 'r2', '03T13:00', '03T15:00')]),
  ];
  test('of a service with two ports are those of both, and the rest of the time it has lost its spare', () => {
    expect(serviceLevelOf(USUAL_TERMS, SPAN, two)).toMatchObject({ outageMs: HOUR, degradedMs: 4 * HOUR });
  });
  test('of any port count where the contract says so', () => {
    const terms: LevelTerms = { ...USUAL_TERMS, downWhen: 'any_port' };
    expect(serviceLevelOf(terms, SPAN, two)).toMatchObject({ outageMs: 5 * HOUR, degradedMs: 0 });
  });
  test('count only while the port is bound, and nothing is measured before', () => {
    const bound = { fromMs: at('03T11:00'), toMs: at('03T12:00') };
    const level = serviceLevelOf(USUAL_TERMS, SPAN, [
      port('r1/ge-0', [down('1', 'r1/ge-0', '03T10:00', '03T14:00')], bound),
    ]);
    expect(level).toMatchObject({ measuredMs: HOUR, outageMs: HOUR });
    expect(availabilityOf(serviceLevelOf(USUAL_TERMS, SPAN, []))).toBe(null);
  });
});

describe('maintenance', () => {
  const ports = (announced: string) => [
    port('r1/ge-0', [down('1', 'r1', '04T01:00', '04T04:00')], {
      windows: [window('04T02:00', '04T03:00', announced)],
    }),
  ];
  test.each([
    ['excluded', 0, '04T01:59', { measuredMs: 95 * HOUR, outageMs: 2 * HOUR, excludedMs: HOUR }],
    ['counted', 0, '03T00:00', { measuredMs: 96 * HOUR, outageMs: 3 * HOUR, excludedMs: 0 }],
    ['excluded', 24 * HOUR, '03T02:00', { measuredMs: 95 * HOUR, outageMs: 2 * HOUR, excludedMs: HOUR }],
    ['excluded', 24 * HOUR, '03T02:01', { measuredMs: 96 * HOUR, outageMs: 3 * HOUR, excludedMs: 0 }],
  ] as const)('%s with %i ms of notice, announced %s', (maintenance, noticeMs, announced, wanted) => {
    expect(serviceLevelOf({ ...USUAL_TERMS, maintenance, noticeMs }, SPAN, ports(announced))).toMatchObject(wanted);
  });
  test('is told beside what counts, with its window', () => {
    const { outages } = serviceLevelOf(USUAL_TERMS, SPAN, ports('01T00:00'));
    expect(outages.map(({ counted, windows }) => [counted, windows.join()])).toEqual([
      [true, ''],
      [false, '7'],
      [true, ''],
    ]);
  });
});

test('service hours are those of the clock of the zone, also where it is turned', () => {
  const hours = [{ days: ['sunday', 'monday'] as const, fromMinute: 60, toMinute: 240 }];
  const terms: LevelTerms = { ...USUAL_TERMS, hours, zone: 'Europe/Berlin' };
  // On 25 October 2026 the clock shows 02:00 to 03:00 twice: three hours by the clock are four.
  const span = { fromMs: Date.parse('2026-10-24T00:00:00Z'), toMs: Date.parse('2026-10-27T00:00:00Z') };
  const always = { alarm: '1', alarmType: 'interface-down', resource: 'r1/ge-0', fromMs: 0, toMs: null };
  const level = serviceLevelOf(terms, span, [{ resource: 'r1/ge-0', ...span, downs: [always], windows: [] }]);
  expect(level).toMatchObject({ measuredMs: 7 * HOUR, outageMs: 7 * HOUR });
  expect(level.outages).toHaveLength(2);
});

const LENGTH = 30;
const time = fc.integer({ min: 0, max: LENGTH });
const anyPort = fc.record({
  resource: fc.constantFrom('a/1', 'b/1'),
  fromMs: time,
  toMs: time,
  downs: fc.array(
    fc.record({
      alarm: fc.constantFrom('1', '2', '3'),
      alarmType: fc.constant('interface-down'),
      resource: fc.constant('a/1'),
      fromMs: time,
      toMs: fc.option(time),
    }),
    { maxLength: 5 },
  ),
  windows: fc.array(
    fc.record({
      window: fc.constantFrom('7', '8'),
      fromMs: time,
      toMs: time,
      announcedAtMs: fc.integer({ min: -10, max: LENGTH }),
      reason: fc.constant(''),
    }),
    { maxLength: 3 },
  ),
});
const anyTerms = fc.record({
  downWhen: fc.constantFrom('every_port' as const, 'any_port' as const),
  maintenance: fc.constantFrom('excluded' as const, 'counted' as const),
  noticeMs: fc.integer({ min: 0, max: 8 }),
  hours: fc.constant(null),
  zone: fc.constant('UTC'),
});

/** Instant by instant, without a span. */
function oracle(terms: LevelTerms, ports: readonly PortRecord[]) {
  const found = { measuredMs: 0, outageMs: 0, excludedMs: 0, degradedMs: 0 };
  const holds = (span: { readonly fromMs: number; readonly toMs: number | null }, now: number): boolean =>
    span.fromMs <= now && now < (span.toMs ?? Infinity);
  for (let now = 0; now < LENGTH; now += 1) {
    const states = ports
      .filter((one) => holds(one, now))
      .map(({ downs, windows }) => {
        const agreed = windows.some(
          (one) =>
            holds(one, now) && terms.maintenance === 'excluded' && one.fromMs - one.announcedAtMs >= terms.noticeMs,
        );
        return { isDown: downs.some((one) => holds(one, now)), agreed };
      });
    const rule = (is: (state: (typeof states)[number]) => boolean): boolean =>
      terms.downWhen === 'any_port' ? states.some(is) : states.length > 0 && states.every(is);
    const [isDown, counts] = [rule((one) => one.isDown), rule((one) => one.isDown && !one.agreed)];
    if (rule(({ agreed }) => !agreed)) found.measuredMs += 1;
    if (counts) found.outageMs += 1;
    else if (isDown) found.excludedMs += 1;
    else if (states.some((one) => one.isDown)) found.degradedMs += 1;
  }
  return found;
}

test('random records: the figure is the oracle, outages are apart and add up, and order changes nothing', () => {
  fc.assert(
    fc.property(
      anyTerms,
      fc
        .array(anyPort, { maxLength: 4 })
        .chain((ports) =>
          fc.tuple(
            fc.constant(ports),
            fc.shuffledSubarray(ports, { minLength: ports.length }),
            fc.infiniteStream(fc.nat(99)),
          ),
        ),
      (terms, [ports, shuffled]) => {
        const span = { fromMs: 0, toMs: LENGTH };
        const level = serviceLevelOf(terms, span, ports);
        const { outages, ...figures } = level;
        expect(figures).toEqual(oracle(terms, ports));
        expect(level.outageMs).toBeLessThanOrEqual(level.measuredMs);
        const sum = (counted: boolean): number =>
          outages.filter((one) => one.counted === counted).reduce((all, one) => all + one.toMs - one.fromMs, 0);
        expect([sum(true), sum(false)]).toEqual([level.outageMs, level.excludedMs]);
        expect(outages.every((one, place) => one.fromMs >= (outages[place - 1]?.toMs ?? 0))).toBe(true);
        expect(outages.every(({ alarms }) => alarms.length > 0)).toBe(true);
        const again = shuffled.map((one) => ({ ...one, downs: one.downs.toReversed() }));
        const other = serviceLevelOf(terms, span, again);
        expect({ ...other, outages: 0 }).toEqual({ ...level, outages: 0 });
        expect(other.outages.map(({ alarms: _alarms, ...one }) => one)).toEqual(
          outages.map(({ alarms: _alarms, ...one }) => one),
        );
      },
    ),
  );
});
