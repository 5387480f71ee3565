// docs/promql.md lists exactly what is understood.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AGGREGATIONS, ARITHMETIC, COMPARISONS, SET_OPERATORS } from '../../../collector/prometheus/expression.ts';
import { FUNCTIONS } from '../../../collector/prometheus/functions.ts';
import { RANGE_FUNCTIONS } from '../../../collector/prometheus/samples.ts';

const page = readFileSync('docs/promql.md', 'utf8');

test('functions, aggregations and operators', () => {
  expect(page).toContain(`**Functions** ${FUNCTIONS.map((name) => `\`${name}\``).join(', ')}.`);
  expect(page).toContain(`**Aggregations** ${AGGREGATIONS.map((name) => `\`${name}\``).join(', ')},`);
  expect(page).toContain(`\`${ARITHMETIC.join(' ')}\`, \`${COMPARISONS.join(' ')}\``);
  for (const name of [...SET_OPERATORS, ...Object.keys(RANGE_FUNCTIONS)]) expect(page).toContain(`\`${name}\``);
});
