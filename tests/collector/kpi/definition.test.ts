// The file of KPIs: what is shipped can be read, and a mistake is told with its place.
import { describe, expect, test } from 'vitest';
import { ALARM_TYPES } from '../../../collector/faults/alarm-types.ts';
import { kpisOf, type KpiVocabulary, readKpis } from '../../../collector/kpi/definition.ts';
import { parseFormula } from '../../../collector/kpi/formula.ts';
import { metricNamed } from '../../../collector/store/metrics.ts';

const VOCABULARY: KpiVocabulary = {
  checkMetric: (metric, wanted) => void metricNamed(metric, wanted),
  alarmTypes: Object.keys(ALARM_TYPES),
};

test('every shipped KPI can be asked for', () => {
  const kpis = readKpis(['config/kpis.yaml'], VOCABULARY);
  expect([...kpis.keys()]).toEqual([
    'interface-availability',
    'reachability',
    'utilisation-average',
    'utilisation-p95',
    'utilisation-max',
    'error-rate',
    'discard-rate',
    'poll-latency',
    'mean-time-to-repair',
    'mean-time-between-failures',
  ]);
});

describe('a formula that is wrong', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'Column 1 of the formula: expected share, avg'],
    ['share(oper_status = 1)', 'Column 19 of the formula: expected a name, a number, a comparison'],
    ['share(oper_status == up)', 'Column 22 of the formula: expected a number, found up'],
    ['share(oper_status == 1', 'Column 23 of the formula: expected ), found the end'],
    ['share(oper_status == 1, when admin_status == 1)', 'expected while, found when'],
    ['median(in_bps)', 'Column 1 of the formula: expected share, avg'],
    ['avg(product(in_bps, out_bps))', 'Column 5 of the formula: expected max, min or sum, found product'],
    ['avg(in_bps) avg(out_bps)', 'Column 13 of the formula: expected nothing after the formula'],
    ['ratio(sum(in_errors), sum(delta in_packets))', 'expected delta, found in_errors'],
    ['mean_time(repair, interface-down)', 'expected alarm, found interface-down'],
  ];
  test.each(cases)('%s', (text, message) => {
    expect(() => parseFormula(text)).toThrow(message);
  });
});

describe('a file that is wrong', () => {
  const file = (formula: string, more = ''): string =>
    `kpis:\n  - name: mine\n    title: Mine\n    formula: "${formula}"\n    unit: "%"\n    resources: [interface]\n    direction: higher-is-better\n${more}`;
  const cases: readonly (readonly [string, string, string])[] = [
    ['a metric that is not there', file('avg(in_bits)'), 'my.yaml:4: kpis[0].formula: There is no metric'],
    [
      'a gauge has no delta',
      file('ratio(sum(delta oper_status), sum(delta in_packets))'),
      'cannot be asked for as delta',
    ],
    ['an alarm that is not there', file('mean_time(repair, alarm fire)'), 'There is no type of alarm fire'],
    ['a word too much', file('avg(in_bps)', '    colour: red\n'), 'colour'],
  ];
  test.each(cases)('%s', (_name, text, message) => {
    expect(() => kpisOf(text, 'my.yaml', VOCABULARY)).toThrow(message);
  });
  test('a name twice', () => {
    const text = file('avg(in_bps)') + file('avg(in_bps)').replace('kpis:\n', '');
    expect(() => kpisOf(text, 'my.yaml', VOCABULARY)).toThrow('is there twice');
  });
});
