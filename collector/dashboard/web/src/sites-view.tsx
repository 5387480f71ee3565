// Sites rolled up: what answers there, what is wrong there, and what flows and is earned there.
import { useMemo } from 'preact/hooks';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { SEVERITIES } from './severity.tsx';
import { type Column, Table } from './table.tsx';
import { rate } from './format.ts';
import type { Alarm, Device, Page, Top } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

interface Site {
  readonly name: string;
  devices: number;
  answering: number;
  readonly alarms: Record<string, number>;
  inBps: number | null;
}

const BUSIEST = 1000;

function sitesOf(devices: readonly Device[], alarms: readonly Alarm[], traffic: readonly Top[]): readonly Site[] {
  const sites = new Map<string, Site>();
  const siteOf = new Map<string, Site>();
  for (const device of devices) {
    const name = device.site ?? '';
    const site = sites.get(name) ?? { name, devices: 0, answering: 0, alarms: {}, inBps: null };
    sites.set(name, site);
    siteOf.set(device.name, site);
    site.devices += 1;
    if (device.reachable === true && !device.stale) site.answering += 1;
  }
  for (const { device, severity } of alarms) {
    const site = siteOf.get(device ?? '');
    if (site !== undefined) site.alarms[severity] = (site.alarms[severity] ?? 0) + 1;
  }
  for (const { resource, value } of traffic) {
    const site = siteOf.get(resource.split('/')[0] ?? '');
    if (site !== undefined) site.inBps = (site.inBps ?? 0) + value;
  }
  return [...sites.values()];
}

export function SitesView() {
  const devices = useAll<Device>('/api/v1/devices', 3);
  const alarms = useAll<Alarm>('/api/v1/alarms?state=active', 2);
  const traffic = useAnswer<Page<Top>>(`/api/v1/series/top?metric=in_bps&limit=${BUSIEST}`, { every: 6 });
  const sites = useMemo(
    () => sitesOf(devices.data ?? [], alarms.data ?? [], traffic.data?.items ?? []),
    [devices.data, alarms.data, traffic.data],
  );
  const columns: readonly Column<Site>[] = [
    {
      id: 'name',
      title: t('site'),
      value: ({ name }) => (name === '' ? t('site.none') : name),
      cell: ({ name }) => (
        <a href={hrefOf(['devices'], { q: name })}>
          <bdi>{name === '' ? t('site.none') : name}</bdi>
        </a>
      ),
    },
    {
      id: 'devices',
      title: t('tile.devices'),
      value: ({ answering, devices: all }) => (all === 0 ? null : answering / all),
      cell: ({ answering, devices: all }) => (
        <span class={answering === all ? 'state-up' : answering === 0 ? 'state-down' : 'state-doubt'}>
          {answering} / {all}
        </span>
      ),
      kind: 'figure',
    },
    ...SEVERITIES.slice(0, 4).map(
      (severity): Column<Site> => ({
        id: severity,
        title: said('severity', severity),
        value: (site) => site.alarms[severity] ?? 0,
        cell: (site) => {
          const count = site.alarms[severity] ?? 0;
          return count === 0 ? <span class="note">0</span> : <span class={`severity ${severity}`}>{count}</span>;
        },
        kind: severity === 'critical' || severity === 'major' ? 'figure' : 'wide figure',
      }),
    ),
    {
      id: 'in',
      title: t('site.trafficIn'),
      value: ({ inBps }) => inBps,
      cell: ({ inBps }) => rate(inBps),
      kind: 'wide figure',
    },
  ];
  return (
    <section class="card" aria-label={t('nav.sites')}>
      <header>
        <h2>{t('nav.sites')}</h2>
        <span class="note">{t('site.note')}</span>
      </header>
      <Problem text={devices.problem ?? alarms.problem ?? traffic.problem} old={devices.data !== null} />
      <Table
        name={t('nav.sites')}
        rows={sites}
        columns={columns}
        keyOf={({ name }) => name}
        sort="devices"
        empty={devices.data === null ? null : t('devices.none')}
      />
    </section>
  );
}
