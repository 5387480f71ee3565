// What the API says of a KPI, and the columns that every table of them has.
import { measured, percent } from './format.ts';
import type { Column } from './table.tsx';
import { said, t } from './words.ts';

export interface KpiValue {
  readonly value: number | null;
  readonly coverage: number;
  readonly numerator: string;
  readonly denominator: string;
  readonly status: 'good' | 'warning' | 'critical' | null;
}

export interface KpiDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly formula: string;
  readonly unit: string;
  readonly thresholds: { readonly warning: number; readonly critical: number } | null;
}

export const KPI_LOOKS: Readonly<Record<string, string>> = {
  good: 'state-up',
  warning: 'state-doubt',
  critical: 'state-down',
};

/** The value with how well it is known and what it was divided from. */
export function valueColumns<Row extends KpiValue>(kpiOf: (row: Row) => KpiDefinition): readonly Column<Row>[] {
  return [
    {
      id: 'value',
      title: t('value'),
      value: ({ value }) => value,
      cell: (row) => <span class={KPI_LOOKS[row.status ?? ''] ?? ''}>{measured(row.value, kpiOf(row).unit)}</span>,
      kind: 'figure',
    },
    {
      id: 'status',
      title: t('state'),
      value: ({ status }) => status,
      cell: ({ status }) =>
        status === null ? '–' : <span class={KPI_LOOKS[status] ?? ''}>{said('state', status)}</span>,
    },
    {
      id: 'coverage',
      title: t('kpi.coverage'),
      value: ({ coverage }) => coverage * 100,
      cell: ({ coverage }) => percent(coverage * 100),
      kind: 'wide figure',
    },
    { id: 'numerator', title: t('kpi.numerator'), value: ({ numerator }) => numerator, kind: 'wide figure' },
    { id: 'denominator', title: t('kpi.denominator'), value: ({ denominator }) => denominator, kind: 'wide figure' },
  ];
}
