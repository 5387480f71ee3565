// Sites rolled up: what answers there, what is wrong there, what flows through its edge, and what is earned there.
import { amount, moment, rate } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { SEVERITIES } from './severity.tsx';
import { type Column, Table } from './table.tsx';
import type { Page, Site } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t, type Word } from './words.ts';

interface Sites extends Page<Site> {
  readonly mirror: { readonly freshAt: string | null; readonly stale: boolean };
}

/** As many as one answer gives; the API has all of them. */
const MOST = 1000;

export function SitesView() {
  const { may } = useReader();
  const sites = useAnswer<Sites>(`/api/v1/sites?limit=${MOST}`, { every: 3 });
  const { data } = sites;
  return (
    <section class="card" aria-label={t('nav.sites')}>
      <header>
        <h2>{t('nav.sites')}</h2>
        <span class="note">{t('site.note')}</span>
      </header>
      <Problem text={sites.problem} old={data !== null} />
      {data?.next != null && <p class="note">{t('site.more', { n: MOST })}</p>}
      <Table
        name={t('nav.sites')}
        rows={data?.items ?? []}
        columns={[...columns(), ...(may.customers ? earnings() : [])]}
        keyOf={({ site }) => site}
        sort="devices"
        empty={data === null ? null : t('devices.none')}
      />
      {may.customers && data !== null && (
        <p class="note">
          {t('site.moneyNote')}{' '}
          {data.mirror.stale && (
            <span class="state-doubt">{t('site.moneyStale', { at: moment(data.mirror.freshAt) })}</span>
          )}
        </p>
      )}
    </section>
  );
}

function nameOf({ site }: Site): string {
  return site === '' ? t('site.none') : site;
}

function columns(): readonly Column<Site>[] {
  return [
    {
      id: 'name',
      title: t('site'),
      value: nameOf,
      cell: (site) => (
        <a href={hrefOf(['devices'], { q: site.site })}>
          <bdi>{nameOf(site)}</bdi>
        </a>
      ),
    },
    {
      id: 'devices',
      title: t('tile.devices'),
      value: ({ devices: { answering, total } }) => (total === 0 ? null : answering / total),
      cell: ({ devices: { answering, total } }) => (
        <span class={answering === total ? 'state-up' : answering === 0 ? 'state-down' : 'state-doubt'}>
          {answering} / {total}
        </span>
      ),
      kind: 'figure',
    },
    ...SEVERITIES.slice(0, 4).map(
      (severity): Column<Site> => ({
        id: severity,
        title: said('severity', severity),
        value: ({ alarms }) => alarms[severity] ?? 0,
        cell: ({ alarms }) => {
          const count = alarms[severity] ?? 0;
          return count === 0 ? <span class="note">0</span> : <span class={`severity ${severity}`}>{count}</span>;
        },
        kind: severity === 'critical' || severity === 'major' ? 'figure' : 'wide figure',
      }),
    ),
    flow('in', 'site.trafficIn', ({ traffic }) => traffic.inBps),
    flow('out', 'site.trafficOut', ({ traffic }) => traffic.outBps),
    {
      id: 'ports',
      title: t('interfaces'),
      value: ({ traffic }) => traffic.ports,
      cell: ({ site, traffic }) =>
        site === '' ? traffic.ports : <a href={hrefOf(['interfaces'], { site })}>{t('site.ports')}</a>,
      kind: 'wide',
    },
  ];
}

function flow(id: string, word: Word, bps: (site: Site) => number | null): Column<Site> {
  return { id, title: t(word), value: bps, cell: (site) => rate(bps(site)), kind: 'wide figure' };
}

/** Only for roles that may see whom a site serves. */
function earnings(): readonly Column<Site>[] {
  return [
    { id: 'services', title: t('services'), value: ({ services }) => services, kind: 'wide figure' },
    {
      id: 'running',
      title: t('site.running'),
      // Sorted by the first currency; of several nothing here knows a rate between them.
      value: ({ running }) => (running?.[0] === undefined ? null : Number(running[0].amount)),
      cell: ({ running }) =>
        (running ?? []).length === 0
          ? '–'
          : (running ?? []).map((sum) => (
              <span key={sum.currency} class="sum" dir="ltr">
                {amount(sum.amount)} {sum.currency}
              </span>
            )),
      kind: 'figure',
    },
  ];
}
