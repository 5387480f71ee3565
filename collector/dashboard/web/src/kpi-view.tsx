// KPIs as a report of the network, a site, a device, a customer or a service, and one KPI compared over interfaces, devices, sites or customers.
import type { Service } from './billing-types.ts';
import { Field } from './field.tsx';
import { KPI_PERIODS, kpiSpan } from './kpi-span.ts';
import { KpiComparison } from './kpi-comparison.tsx';
import { type KpiDefinition, type KpiValue, valueColumns } from './kpi-values.tsx';
import { choose, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { type Column, Table } from './table.tsx';
import type { Device } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { t } from './words.ts';

interface KpiRow extends KpiValue {
  readonly kpi: KpiDefinition;
  readonly resources: number;
}

const KINDS = ['network', 'site', 'device', 'customer', 'service'] as const;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** Rounds of two seconds: a report is no live picture. */
const EVERY = 30;

export function KpiView() {
  const { query } = usePlace();
  const kind = KINDS.find((one) => one === query.get('of')) ?? 'network';
  const id = query.get('id') ?? '';
  const period = KPI_PERIODS.find((one) => one === query.get('period')) ?? 'week';
  const span = kpiSpan(period, Date.now(), ZONE);
  const ready = kind === 'network' || id !== '';
  const target = kind === 'network' ? {} : { [kind]: id };
  const path = `/api/v1/kpi-report?${new URLSearchParams({ ...target, ...span }).toString()}`;
  const report = useAnswer<{ items: readonly KpiRow[] }>(ready ? path : null, {
    subject: `${kind} ${id} ${period}`,
    every: EVERY,
  });
  const chosen = report.data?.items.find(({ kpi }) => kpi.name === query.get('kpi'))?.kpi;
  return (
    <>
      <section class="card" aria-label={t('nav.kpis')}>
        <header>
          <h2>{t('nav.kpis')}</h2>
          <span class="note">{t('kpi.note')}</span>
        </header>
        <Choices kind={kind} id={id} period={period} />
        <Problem text={report.problem} old={report.data !== null} />
        {!ready && <p class="empty">{t('kpi.choose')}</p>}
        {ready && (
          <Table
            id="kpis"
            name={t('nav.kpis')}
            rows={report.data?.items ?? []}
            keyOf={({ kpi }) => kpi.name}
            classOf={({ kpi }) => (kpi.name === chosen?.name ? 'chosen' : '')}
            empty={report.data === null ? null : t('none')}
            columns={columns()}
          />
        )}
      </section>
      {chosen !== undefined && (
        <KpiComparison kpi={chosen} target={target} span={span} subject={`${kind} ${id} ${period}`} />
      )}
    </>
  );
}

function columns(): readonly Column<KpiRow>[] {
  return [
    {
      id: 'title',
      title: t('kpi'),
      value: ({ kpi }) => kpi.title,
      cell: ({ kpi }) => (
        <button
          type="button"
          class="row"
          title={`${kpi.description} ${kpi.formula}`}
          onClick={() => choose({ kpi: kpi.name })}
        >
          <bdi>{kpi.title}</bdi>
        </button>
      ),
    },
    ...valueColumns<KpiRow>(({ kpi }) => kpi),
    {
      id: 'thresholds',
      title: t('kpi.thresholds'),
      value: ({ kpi: { thresholds } }) =>
        thresholds === null ? null : `${thresholds.warning} / ${thresholds.critical}`,
      kind: 'wide figure',
    },
    { id: 'resources', title: t('kpi.resources'), value: ({ resources }) => resources, kind: 'wide figure' },
  ];
}

interface ChoicesProps {
  readonly kind: (typeof KINDS)[number];
  readonly id: string;
  readonly period: (typeof KPI_PERIODS)[number];
}

function Choices({ kind, id, period }: ChoicesProps) {
  const { may } = useReader();
  const names = useNames(kind);
  const kinds = KINDS.filter((one) => may.customers || (one !== 'customer' && one !== 'service'));
  return (
    <div class="form">
      <Field
        label={t('maintenance.of')}
        value={kind}
        onValue={(of) => choose({ of, id: null })}
        choices={kinds.map((one) => [one, t(`kpi.of.${one}`)] as const)}
      />
      {kind !== 'network' && (
        <Field label={t('name')} value={id} onValue={(name) => choose({ id: name })} choices={[['', '–'], ...names]} />
      )}
      <Field
        label={t('range')}
        value={period}
        onValue={(chosen) => choose({ period: chosen })}
        choices={KPI_PERIODS.map((one) => [one, t(`kpi.period.${one}`)] as const)}
      />
    </div>
  );
}

/** What a report may be of, by what it is called. */
function useNames(kind: ChoicesProps['kind']): readonly (readonly [string, string])[] {
  const network = kind === 'site' || kind === 'device';
  const devices = useAll<Device>(network ? '/api/v1/devices' : null, EVERY).data ?? [];
  const sold = kind === 'customer' || kind === 'service';
  const services = useAll<Service>(sold ? '/api/v1/services' : null, EVERY).data ?? [];
  const named: Readonly<Record<string, () => (readonly [string, string])[]>> = {
    site: () => devices.flatMap(({ site }) => (site === null ? [] : [[site, site] as const])),
    device: () => devices.map(({ name }) => [name, name] as const),
    customer: () => services.map(({ customer }) => [customer.id, customer.name] as const),
    service: () => services.map(({ id, name }) => [id, name] as const),
  };
  const found = new Map(named[kind]?.() ?? []);
  return [...found].toSorted(([, one], [, other]) => one.localeCompare(other));
}
