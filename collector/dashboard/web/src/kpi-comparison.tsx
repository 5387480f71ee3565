// One KPI over many: the interfaces or devices that make it, or site against site and customer against customer.
import { ask } from './api.ts';
import type { Service } from './billing-types.ts';
import { type KpiDefinition, type KpiValue, valueColumns } from './kpi-values.tsx';
import { choose, hrefOf, hrefOfResource, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { Table } from './table.tsx';
import type { Device, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

interface Row extends KpiValue {
  readonly id: string;
  readonly name: string;
}

interface ComparisonProps {
  readonly kpi: KpiDefinition;
  readonly target: Readonly<Record<string, string>>;
  readonly span: Readonly<Record<string, string>>;
  readonly subject: string;
}

const WAYS = ['parts', 'sites', 'customers'] as const;
type Way = (typeof WAYS)[number];
const MOST = 1000;
/** Each is a computation of its own, and they have turns. */
const MOST_GROUPS = 60;
const EVERY = 60;

export function KpiComparison({ kpi, target, span, subject }: ComparisonProps) {
  const { may } = useReader();
  const { query } = usePlace();
  const way = WAYS.find((one) => one === query.get('by')) ?? 'parts';
  const asked = { kpi: kpi.name, target, span };
  const answer = useAnswer<readonly Row[]>(JSON.stringify({ ...asked, way }), {
    subject: `${kpi.name} ${way} ${subject}`,
    by: () => compared(way, asked),
    every: EVERY,
  });
  return (
    <section class="card" aria-label={kpi.title}>
      <header>
        <h2>
          <bdi>{kpi.title}</bdi>
        </h2>
        <span class="note">
          <bdi>{kpi.description}</bdi> <code>{kpi.formula}</code>
        </span>
      </header>
      <div class="ranges" role="group" aria-label={t('kpi.by')}>
        {WAYS.filter((one) => one !== 'customers' || may.customers).map((one) => (
          <button key={one} type="button" aria-pressed={way === one} onClick={() => choose({ by: one })}>
            {t(`kpi.by.${one}`)}
          </button>
        ))}
      </div>
      <Problem text={answer.problem} old={answer.data !== null} />
      <Table
        id="by"
        name={kpi.title}
        rows={answer.data ?? []}
        keyOf={({ id }) => id}
        empty={answer.data === null ? null : t('none')}
        columns={[
          {
            id: 'name',
            title: t('name'),
            value: ({ name }) => name,
            cell: ({ id, name }) => (
              <a
                href={
                  way === 'parts' ? hrefOfResource(id) : hrefOf(['kpis'], { of: way.slice(0, -1), id, kpi: kpi.name })
                }
              >
                <bdi>{name}</bdi>
              </a>
            ),
          },
          ...valueColumns<Row>(() => kpi),
        ]}
      />
    </section>
  );
}

type Asked = Pick<ComparisonProps, 'target' | 'span'> & { readonly kpi: string };

async function compared(way: Way, asked: Asked): Promise<readonly Row[]> {
  if (way === 'parts') return ranked(asked);
  const groups = way === 'sites' ? await sites() : await customers();
  const rows: Row[] = [];
  for (const [id, name] of groups.slice(0, MOST_GROUPS)) {
    const of = way === 'sites' ? { site: id } : { customer: id };
    // One of which nothing is known yet must not take the others along.
    const value = await ask<KpiValue>(
      `/api/v1/kpis/${asked.kpi}?${new URLSearchParams({ ...of, ...asked.span }).toString()}`,
    ).catch(() => null);
    if (value !== null) rows.push({ ...value, id, name });
  }
  return rows;
}

async function ranked({ kpi, target, span }: Asked): Promise<readonly Row[]> {
  const query = new URLSearchParams({ ...target, ...span, limit: String(MOST) }).toString();
  const { items } = await ask<{ items: readonly (KpiValue & { resource: string })[] }>(
    `/api/v1/kpis/${kpi}/ranking?${query}`,
  );
  return items.map((item) => ({ ...item, id: item.resource, name: item.resource }));
}

async function sites(): Promise<readonly (readonly [string, string])[]> {
  const { items } = await ask<Page<Device>>(`/api/v1/devices?limit=${MOST}`);
  return [...new Set(items.flatMap(({ site }) => site ?? []))].toSorted().map((site) => [site, site] as const);
}

async function customers(): Promise<readonly (readonly [string, string])[]> {
  const { items } = await ask<Page<Service>>(`/api/v1/services?limit=${MOST}`);
  return [...new Map(items.map(({ customer }) => [customer.id, customer.name]))];
}
