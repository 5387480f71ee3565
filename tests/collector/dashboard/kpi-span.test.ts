// Periods of a report: whole days and months as the reader's clock shows them.
import { expect, test } from 'vitest';
import { kpiSpan } from '../../../collector/dashboard/web/src/kpi-span.ts';

/** Already the first of January in Auckland. */
const NOW = Date.parse('2026-12-31T12:30:30.500Z');

test.each([
  ['today', { period: '2027-01-01', zone: 'Pacific/Auckland' }],
  ['yesterday', { period: '2026-12-31', zone: 'Pacific/Auckland' }],
  ['month', { period: '2027-01', zone: 'Pacific/Auckland' }],
  ['last-month', { period: '2026-12', zone: 'Pacific/Auckland' }],
  ['week', { from: '2026-12-24T12:30:00.000Z', to: '2026-12-31T12:30:00.000Z' }],
  ['days31', { from: '2026-11-30T12:30:00.000Z', to: '2026-12-31T12:30:00.000Z' }],
] as const)('%s', (period, span) => {
  expect(kpiSpan(period, NOW, 'Pacific/Auckland')).toEqual(span);
});
