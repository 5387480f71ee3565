// Service levels: how available each service was in a period, by its contract, the outages behind that with their alarms, and the credits that come of it.
import type { Charge, Service } from './billing-types.ts';
import { Field } from './field.tsx';
import { day, duration, moment } from './format.ts';
import { KPI_PERIODS, kpiSpan } from './kpi-span.ts';
import { choose, hrefOf, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { type Column, Table } from './table.tsx';
import type { Page } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

interface Figures {
  readonly measuredMs: number;
  readonly outageMs: number;
  readonly excludedMs: number;
  readonly degradedMs: number;
  readonly availability: string | null;
}

interface Outage {
  readonly from: string;
  readonly to: string;
  readonly ms: number;
  readonly counted: boolean;
  readonly alarms: readonly { readonly alarm: string; readonly alarmType: string; readonly resource: string }[];
  readonly windows: readonly string[];
}

interface Level extends Figures {
  readonly service: string;
  readonly name: string;
  readonly customer: { readonly id: string; readonly name: string };
  readonly serviceLevel: string | null;
  readonly complete: boolean;
  readonly outages: readonly Outage[];
}

interface CustomerLevels {
  readonly customer: (Figures & { readonly services: number }) | null;
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** Rounds of two seconds: outages of a month are no live picture. */
const EVERY = 30;
const CREDIT = 'service_credit';
/** Credits of periods that began so long ago are on bills by now. */
const CREDIT_DAYS = 62;
const DAY_MS = 86_400_000;

export function ServiceLevelsView() {
  const { query } = usePlace();
  const { may } = useReader();
  const customer = query.get('customer') ?? '';
  const period = KPI_PERIODS.find((one) => one === query.get('period')) ?? 'month';
  // Without a zone a month or a day is that of each service's contract.
  const { zone: _, ...span } = kpiSpan(period, Date.now(), ZONE);
  const target = customer === '' ? {} : { customer };
  const path = `/api/v1/service-levels?${new URLSearchParams({ ...target, ...span }).toString()}`;
  const levels = useAll<Level>(path, EVERY);
  const chosen = levels.data?.find(({ service }) => service === query.get('service'));
  return (
    <>
      <section class="card" aria-label={t('nav.serviceLevels')}>
        <header>
          <h2>{t('nav.serviceLevels')}</h2>
          <span class="note">{t('levels.note')}</span>
        </header>
        <Choices customer={customer} period={period} />
        <Problem text={levels.problem} old={levels.data !== null} />
        {customer !== '' && <Sum path={path} />}
        <Table
          id="levels"
          name={t('nav.serviceLevels')}
          rows={levels.data ?? []}
          keyOf={({ service }) => service}
          classOf={({ service }) => (service === chosen?.service ? 'chosen' : '')}
          empty={levels.data === null ? null : t('none')}
          sort="availability"
          columns={columns()}
        />
      </section>
      {chosen !== undefined && <Outages level={chosen} />}
      {customer !== '' && may.bills && <Credits customer={customer} />}
    </>
  );
}

function Choices({ customer, period }: { readonly customer: string; readonly period: string }) {
  const services = useAll<Service>('/api/v1/services', EVERY).data ?? [];
  const customers = new Map(services.map((one) => [one.customer.id, one.customer.name] as const));
  const named = [...customers].toSorted(([, one], [, other]) => one.localeCompare(other));
  return (
    <div class="form">
      <Field
        label={t('customer')}
        value={customer}
        onValue={(id) => choose({ customer: id === '' ? null : id, service: null })}
        choices={[['', t('levels.everybody')], ...named]}
      />
      <Field
        label={t('range')}
        value={period}
        onValue={(chosen) => choose({ period: chosen })}
        choices={KPI_PERIODS.map((one) => [one, t(`kpi.period.${one}`)] as const)}
      />
    </div>
  );
}

function Sum({ path }: { readonly path: string }) {
  const { data } = useAnswer<CustomerLevels>(`${path}&limit=1`, { every: EVERY });
  const sum = data?.customer ?? null;
  if (sum === null) return null;
  return (
    <p>
      <strong>{sum.availability === null ? '–' : `${sum.availability} %`}</strong>{' '}
      <span class="note">
        {t('levels.sum', { services: sum.services, outage: lasted(sum.outageMs), excluded: lasted(sum.excludedMs) })}
      </span>
    </p>
  );
}

function columns(): readonly Column<Level>[] {
  const minutes = (id: 'outageMs' | 'excludedMs' | 'degradedMs', title: string, kind: Column<Level>['kind']) => ({
    id,
    title,
    value: (row: Level) => Math.round(row[id] / 6000) / 10,
    cell: (row: Level) => (row[id] === 0 ? '–' : lasted(row[id])),
    kind: kind ?? 'figure',
  });
  return [
    {
      id: 'service',
      title: t('service'),
      value: ({ name }) => name,
      cell: ({ service, name }) => (
        <button type="button" class="row" title={service} onClick={() => choose({ service })}>
          <bdi>{name}</bdi>
        </button>
      ),
    },
    {
      id: 'customer',
      title: t('customer'),
      value: ({ customer }) => customer.name,
      cell: ({ customer }) => (
        <a href={hrefOf(['usage', customer.id])}>
          <bdi>{customer.name}</bdi>
        </a>
      ),
      kind: 'wide',
    },
    { id: 'level', title: t('levels.level'), value: ({ serviceLevel }) => serviceLevel, kind: 'wide' },
    {
      id: 'availability',
      title: t('levels.availability'),
      value: ({ availability }) => (availability === null ? null : Number(availability)),
      cell: ({ availability, complete }) => (
        <>
          {availability === null ? '–' : `${availability} %`}
          {!complete && (
            <span class="note" title={t('levels.incomplete')}>
              {' '}
              *
            </span>
          )}
        </>
      ),
      kind: 'figure',
    },
    minutes('outageMs', t('levels.outage'), 'figure'),
    minutes('excludedMs', t('levels.excluded'), 'wide figure'),
    minutes('degradedMs', t('levels.degraded'), 'wide figure'),
  ];
}

function Outages({ level }: { readonly level: Level }) {
  return (
    <section class="card" aria-label={t('levels.outages')}>
      <header>
        <h2>
          {t('levels.outages')} <bdi>{level.name}</bdi>
        </h2>
      </header>
      {level.outages.length === 0 && <p class="empty">{t('none')}</p>}
      <ul class="facts">
        {level.outages.map(({ from, to, ms, counted, alarms, windows }) => (
          <li key={from}>
            <strong>{lasted(ms)}</strong>{' '}
            <span class="note">
              {moment(from)} – {moment(to)}
            </span>{' '}
            {!counted && <span class="note">{t('levels.notCounted', { windows: windows.join(', ') })}</span>}
            <div>
              {alarms.map(({ alarm, alarmType, resource }) => (
                <div key={alarm}>
                  <a href={hrefOf(['alarms', alarm])}>
                    {said('alarmType', alarmType)} <bdi>{resource}</bdi>
                  </a>
                </div>
              ))}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Rated extends Charge {
  readonly kind: string;
}

/** Rated once a period is over; what is on no bill yet comes with the next. */
function Credits({ customer }: { readonly customer: string }) {
  const from = new Date(Math.floor(Date.now() / DAY_MS - CREDIT_DAYS) * DAY_MS).toISOString();
  const query = new URLSearchParams({ customer, from, limit: '1000' }).toString();
  const { data, problem } = useAnswer<Page<Rated>>(`/billing/v1/charges?${query}`, { every: EVERY });
  const credits = data?.items.filter(({ kind }) => kind === CREDIT) ?? [];
  return (
    <section class="card" aria-label={t('levels.credits')}>
      <header>
        <h2>{t('levels.credits')}</h2>
        <span class="note">{t('levels.creditsNote')}</span>
      </header>
      <Problem text={problem} old={data !== null} />
      {data !== null && credits.length === 0 && <p class="empty">{t('none')}</p>}
      <ul class="facts">
        {credits.map(({ id, service, itemName, amount, currency, windowStart, windowEnd }) => (
          <li key={id}>
            <a href={hrefOf(['charges', id])}>
              <strong>
                {amount} {currency}
              </strong>
            </a>{' '}
            <bdi>{itemName}</bdi> <bdi class="note">{service}</bdi>{' '}
            <span class="note">
              {day(windowStart)} – {day(windowEnd)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function lasted(ms: number): string {
  return duration(Math.round(ms / 1000));
}
