// Availability at a glance: a tile for the network and one for each site, the worst first; how it was over a day, and how many devices answer now.
import { useMemo } from 'preact/hooks';
import { measured } from './format.ts';
import { KPI_LOOKS, type KpiDefinition, type KpiValue } from './kpi-values.tsx';
import { useRound } from './live.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import type { Overview, Page, Site } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

interface BySite {
  readonly kpi: KpiDefinition;
  readonly whole: KpiValue;
  readonly items: readonly (KpiValue & { readonly site: string })[];
}

const DAY_MS = 86_400_000;
/** The span moves on by so much at once: within it everybody asks the same. */
const GRID_MS = 300_000;
const EVERY = 15;
/** More sites have a view of their own. */
const MOST = 24;

export function Availability({ overview }: { readonly overview: Overview | null }) {
  const round = useRound();
  const path = useMemo(() => {
    const toMs = Math.floor(Date.now() / GRID_MS) * GRID_MS;
    const span = { from: new Date(toMs - DAY_MS).toISOString(), to: new Date(toMs).toISOString() };
    return `/api/v1/kpis/reachability/sites?${new URLSearchParams(span).toString()}`;
  }, [Math.floor(round / EVERY)]);
  const kpi = useAnswer<BySite>(path, { subject: 'availability', every: EVERY });
  const sites = useAnswer<Page<Site>>('/api/v1/sites?limit=1000', { every: 3 });
  const tiles = useMemo(() => tilesOf(sites.data?.items ?? [], kpi.data), [sites.data, kpi.data]);
  const devices = overview?.devices;
  const network = {
    devices: {
      total: Math.max(devices?.total ?? 0, devices?.configured ?? 0),
      answering: devices?.reachable ?? 0,
    },
    value: kpi.data?.whole ?? null,
  };
  const unit = kpi.data?.kpi.unit ?? '%';
  const more = tiles.length - MOST;
  return (
    <section aria-label={t('availability')}>
      <Problem text={kpi.problem ?? sites.problem} old={kpi.data !== null} />
      <ul class="sites">
        <SiteTile name={t('availability.network')} href={hrefOf(['kpis'])} unit={unit} {...network} />
        {tiles.slice(0, MOST).map(({ site, ...tile }) => (
          <SiteTile
            key={site}
            name={site === '' ? t('site.none') : site}
            href={site === '' ? hrefOf(['sites']) : hrefOf(['kpis'], { of: 'site', id: site })}
            unit={unit}
            {...tile}
          />
        ))}
      </ul>
      <p class="note">
        {t('availability.note')} {more > 0 && <a href={hrefOf(['sites'])}>{t('availability.more', { n: more })}</a>}
      </p>
    </section>
  );
}

interface Tile {
  readonly site: string;
  readonly devices: Site['devices'];
  readonly value: KpiValue | null;
}

/** Where something is silent now comes first, then what was away for longest. */
function tilesOf(sites: readonly Site[], kpi: BySite | null): readonly Tile[] {
  const values = new Map((kpi?.items ?? []).map((item) => [item.site, item]));
  const rank = ({ devices, value }: Tile): readonly number[] => [
    devices.total === 0 ? 1 : devices.answering / devices.total,
    value?.value ?? 100,
  ];
  return sites
    .map(({ site, devices }): Tile => ({ site, devices, value: values.get(site) ?? null }))
    .toSorted((one, other) => {
      const [a, b] = [rank(one), rank(other)];
      return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || one.site.localeCompare(other.site);
    });
}

interface SiteTileProps {
  readonly name: string;
  readonly href: string;
  readonly unit: string;
  readonly devices: Site['devices'];
  readonly value: KpiValue | null;
}

function SiteTile({ name, href, unit, devices: { total, answering }, value }: SiteTileProps) {
  const now = answering === total ? 'up' : answering === 0 ? 'down' : 'doubt';
  return (
    <li class={`site ${now}`}>
      <a href={href}>
        <bdi>{name}</bdi>
      </a>
      <span class={`value ${KPI_LOOKS[value?.status ?? ''] ?? ''}`} dir="ltr">
        {measured(value?.value ?? null, unit)}
      </span>
      <span class={`note ${now === 'up' ? '' : `state-${now}`}`}>{t('availability.now', { answering, total })}</span>
    </li>
  );
}
