// What becomes of an action: what the agent says, what the device has, and that nothing ends as verified of which anything expected was not seen.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WorkItem } from '../../../collector/agents/work-item.ts';
import { effectOf, type Observed, type VerifyMoment, verdictOf } from '../../../collector/repair/action-decisions.ts';
import type { Expectation } from '../../../collector/repair/runbook.ts';

type Work = Pick<WorkItem, 'state' | 'result' | 'handedOutAt'>;
const work = (
  state: Work['state'],
  details: Record<string, string> = {},
  handedOutAt: string | null = 'then',
): Work => ({
  state,
  handedOutAt,
  result: Object.entries(details).map(([name, value]) => ({ name, value })),
});
const failed = (code: string, more: Record<string, string> = {}): Work =>
  work('failed', { code, message: 'm', ...more });

describe('what the agent says', () => {
  test.for([
    ['it has not fetched it', work('queued'), null],
    ['it is at it', work('handed_out'), null],
    ['it has done it', work('done', { 'before.1.2': '1' }), 'done'],
    ['it never came', work('expired', {}, null), 'never'],
    ['it came and never said', work('expired'), 'unknown'],
    ['nothing may be set', failed('set_not_allowed'), 'never'],
    ['the device has no such object', failed('snmp_refused'), 'never'],
    ['the device refused the first step', failed('snmp_refused', { 'detail.stepsDone': '0' }), 'never'],
    ['the device refused the second step', failed('snmp_refused', { 'detail.stepsDone': '1' }), 'unknown'],
    ['no answer when it was read', failed('snmp_timeout'), 'never'],
    ['no answer when it was set', failed('snmp_timeout', { 'detail.stepsDone': '0' }), 'unknown'],
    ['it died meanwhile', failed('work_interrupted'), 'unknown'],
    ['it failed in a way that nobody knows', failed('unexpected'), 'unknown'],
  ] as const)('%s', ([, item, outcome]) => {
    expect(effectOf(item)?.outcome ?? null).toBe(outcome);
  });

  test('what was there before is known also of one that failed on its way', () => {
    expect(effectOf(work('done', { 'before.1.2': '1', 'after.1.2': '2' }))?.before).toEqual({ '1.2': '1' });
    expect(effectOf(failed('snmp_timeout', { 'detail.stepsDone': '1', 'detail.before.1.2': '7' }))?.before).toEqual({
      '1.2': '7',
    });
  });
});

const SET = { oid: '1.2', type: 'integer', value: '1' } as const;
const BOUNCE = {
  steps: [
    { varbinds: [{ ...SET, value: '2' }], pauseMs: 5 },
    { varbinds: [SET], pauseMs: 0 },
  ],
};
function moment(
  more: Partial<VerifyMoment> & {
    readonly expect?: readonly Expectation[];
    readonly restore?: 'before' | 'never';
  } = {},
): VerifyMoment {
  const { expect: expected = ['values'], restore = 'before', ...rest } = more;
  return {
    plan: { ...BOUNCE, expect: expected, expected: [{ oid: '1.2', value: '1' }], restore },
    outcome: 'done',
    before: { '1.2': '1' },
    observed: { values: { '1.2': '1' }, interfaceUp: null, alarmCleared: false },
    untilMs: 100,
    nowMs: 50,
    ...rest,
  };
}
const seen = (more: Partial<Observed>): Observed => ({
  values: { '1.2': '1' },
  interfaceUp: null,
  alarmCleared: false,
  ...more,
});

describe('what the device has', () => {
  test.for([
    ['what was expected', moment(), 'verified'],
    [
      'what was expected, and the interface is up',
      moment({ expect: ['values', 'interface_up'], observed: seen({ interfaceUp: true }) }),
      'verified',
    ],
    ['the interface was not polled yet', moment({ expect: ['interface_up'] }), 'wait'],
    [
      'the interface stays down, and its time is over',
      moment({ expect: ['interface_up'], observed: seen({ interfaceUp: false }), nowMs: 100 }),
      'not_verified',
    ],
    ['the alarm still stands', moment({ expect: ['alarm_cleared'], nowMs: 100 }), 'not_verified'],
    ['other values: it is given its time', moment({ observed: seen({ values: { '1.2': '2' } }) }), 'wait'],
    [
      'other values at the end: what was before is set',
      moment({ observed: seen({ values: { '1.2': '2' } }), nowMs: 100 }),
      'restoring',
    ],
    [
      'left half done: put back at once',
      moment({ outcome: 'unknown', observed: seen({ values: { '1.2': '2' } }) }),
      'restoring',
    ],
    [
      'left half done, and nothing says how to put it back',
      moment({ outcome: 'unknown', restore: 'never', observed: seen({ values: { '1.2': '2' } }), nowMs: 100 }),
      'not_verified',
    ],
    [
      'nobody knows what was before',
      moment({ before: null, observed: seen({ values: { '1.2': '2' } }), nowMs: 100 }),
      'not_verified',
    ],
    [
      'other than expected, but as before',
      moment({ before: { '1.2': '2' }, observed: seen({ values: { '1.2': '2' } }), nowMs: 100 }),
      'not_verified',
    ],
    ['nothing can be read any more', moment({ observed: seen({ values: null }), nowMs: 100 }), 'restoring'],
    ['nothing was expected, and it was done', moment({ expect: [] }), 'verified'],
    ['nothing was expected, and nobody knows', moment({ expect: [], outcome: 'unknown' }), 'not_verified'],
  ] as const)('%s', ([, now, next]) => expect(verdictOf(now).next).toBe(next));

  test('in any case: verified only with all that was expected, restored only to what is not there, and an end at the end', () => {
    const value = fc.constantFrom('1', '2', '3');
    const arbitrary = fc.record({
      expect: fc.subarray<Expectation>(['values', 'interface_up', 'alarm_cleared']),
      restore: fc.constantFrom('before' as const, 'never' as const),
      outcome: fc.constantFrom('done' as const, 'unknown' as const),
      before: fc.option(value.map((one) => ({ '1.2': one }))),
      values: fc.option(value.map((one) => ({ '1.2': one }))),
      interfaceUp: fc.option(fc.boolean()),
      alarmCleared: fc.boolean(),
      nowMs: fc.constantFrom(50, 100),
    });
    fc.assert(
      fc.property(arbitrary, ({ values, interfaceUp, alarmCleared, ...more }) => {
        const { next } = verdictOf(moment({ ...more, observed: { values, interfaceUp, alarmCleared } }));
        if (next === 'verified') {
          if (more.expect.includes('values')) expect(values?.['1.2']).toBe('1');
          if (more.expect.includes('interface_up')) expect(interfaceUp).toBe(true);
          if (more.expect.includes('alarm_cleared')) expect(alarmCleared).toBe(true);
        }
        if (next === 'restoring') {
          expect([more.restore, more.before === null]).toEqual(['before', false]);
          expect(values?.['1.2']).not.toBe(more.before?.['1.2']);
        }
        if (more.nowMs === 100) expect(next).not.toBe('wait');
      }),
      { numRuns: 500 },
    );
  });
});
