// The network as its devices tell it: who hears whom, how much each link carries, and what is wrong where.
import { useMemo } from 'preact/hooks';
import { percent } from './format.ts';
import { HEIGHT, type Spot, WIDTH } from './layout.ts';
import { Anew, useSpots } from './map-spots.tsx';
import { choose, go, hrefOf, hrefOfResource, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { rankOf } from './severity.tsx';
import { Table } from './table.tsx';
import type { Alarm, Page, Top, Topology, TopologyLink } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { isOnWay, wayOf, WayText } from './map-way.tsx';
import { t } from './words.ts';

const BUSIEST = 1000;

interface MapNode {
  readonly name: string;
  readonly known: boolean;
  readonly group: string;
  readonly look: string;
}

export function MapView() {
  const { query } = usePlace();
  const site = query.get('site') ?? '';
  const strangers = query.get('strangers') === '1';
  const topology = useAnswer<Topology>(`/api/v1/topology${site === '' ? '' : `?site=${encodeURIComponent(site)}`}`, {
    every: 6,
  });
  const alarms = useAll<Alarm>('/api/v1/alarms?state=active', 2);
  const load = useLoad();
  const worst = useMemo(() => worstOf(alarms.data ?? []), [alarms.data]);
  const links = (topology.data?.links ?? []).filter(({ b }) => strangers || b.device !== null);
  const sites = [...new Set((topology.data?.devices ?? []).map((one) => one.site ?? ''))].filter(Boolean).toSorted();
  const known = topology.data !== null && topology.data.devices.length > 0;
  const way = useMemo(() => wayOf(query, links), [query, topology.data]);
  return (
    <section class="card" aria-label={t('nav.map')}>
      <header>
        <h2>{t('nav.map')}</h2>
        <span class="note">{t('map.note')}</span>
      </header>
      <Problem text={topology.problem} old={topology.data !== null} />
      {topology.data?.cut === true && <p class="note">{t('map.cut')}</p>}
      <div class="tools">
        <select
          aria-label={t('site')}
          value={site}
          onChange={(event) => choose({ site: event.currentTarget.value || null })}
        >
          <option value="">{t('map.allSites')}</option>
          {[...new Set([...sites, ...(site === '' ? [] : [site])])].map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
        <label>
          <input
            type="checkbox"
            checked={strangers}
            onChange={(event) => choose({ strangers: event.currentTarget.checked ? '1' : null })}
          />{' '}
          {t('map.strangers')}
        </label>
        <Anew />
      </div>
      {!known && <p class="empty">{topology.data === null ? t('asking') : t('map.none')}</p>}
      <WayText way={way} />
      {known && topology.data !== null && (
        <Drawing topology={topology.data} links={links} worst={worst} load={load} way={way.nodes} />
      )}
      <h3>{t('map.links')}</h3>
      <LinksTable links={links} load={load} />
    </section>
  );
}

type Load = ReadonlyMap<string, number>;

/** Percent of the speed of the busiest interfaces, the higher of both directions. */
function useLoad(): Load {
  const inward = useAnswer<Page<Top>>(`/api/v1/series/top?metric=in_utilisation&limit=${BUSIEST}`, { every: 6 });
  const outward = useAnswer<Page<Top>>(`/api/v1/series/top?metric=out_utilisation&limit=${BUSIEST}`, { every: 6 });
  return useMemo(() => {
    const found = new Map<string, number>();
    for (const { resource, value } of [...(inward.data?.items ?? []), ...(outward.data?.items ?? [])])
      found.set(resource, Math.max(found.get(resource) ?? 0, value));
    return found;
  }, [inward.data, outward.data]);
}

function loadOf({ a, b }: TopologyLink, load: Load): number | null {
  const known = [a.resource, b.resource].flatMap((one) => (one === null ? [] : (load.get(one) ?? [])));
  return known.length === 0 ? null : Math.max(...known);
}

function loadLook(value: number | null): string {
  if (value === null) return 'load-unknown';
  return value >= 90 ? 'load-full' : value >= 60 ? 'load-high' : value >= 20 ? 'load-some' : 'load-low';
}

function worstOf(alarms: readonly Alarm[]): ReadonlyMap<string, string> {
  const worst = new Map<string, string>();
  for (const { device, severity } of alarms) {
    if (device === null) continue;
    const held = worst.get(device);
    if (held === undefined || rankOf(severity) < rankOf(held)) worst.set(device, severity);
  }
  return worst;
}

interface DrawingProps {
  readonly topology: Topology;
  readonly links: readonly TopologyLink[];
  readonly worst: ReadonlyMap<string, string>;
  readonly load: Load;
  /** What the address asks to be shown. */
  readonly way: readonly string[];
}

/** The far end of a link as a node: a stranger is told apart by what it calls itself. */
function nodeOf(end: TopologyLink['a']): string {
  return end.device ?? `? ${end.name}`;
}

function Drawing({ topology, links, worst, load, way }: DrawingProps) {
  const nodes = useMemo(() => nodesOf(topology, links, worst), [topology, links, worst]);
  const ends = useMemo(() => links.map(({ a, b }) => [nodeOf(a), nodeOf(b)] as const), [links]);
  const { svg, spotOf, take, drag, drop, leave } = useSpots(nodes, ends);
  return (
    <svg
      ref={svg}
      class="map"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={t('map.label', { devices: nodes.length, links: links.length })}
      onPointerMove={drag}
      onPointerUp={drop}
      onPointerLeave={leave}
    >
      {links.map((link) => (
        <Wire
          key={`${nodeOf(link.a)} ${link.a.port} ${nodeOf(link.b)} ${link.b.port}`}
          link={link}
          from={spotOf(nodeOf(link.a))}
          to={spotOf(nodeOf(link.b))}
          value={loadOf(link, load)}
          bend={bendOf(link, links)}
          marked={isOnWay(way, nodeOf(link.a), nodeOf(link.b))}
        />
      ))}
      {nodes.map((node) => (
        <g
          key={node.name}
          class={`node ${node.look} ${way.includes(node.name) ? 'marked' : ''}`}
          transform={`translate(${spotOf(node.name).x} ${spotOf(node.name).y})`}
          onPointerDown={(event) => take(event, node.name)}
        >
          <title>{node.name}</title>
          <circle r={node.known ? 15 : 8} />
          <text y={34} text-anchor="middle">
            {node.known ? node.name : node.name.slice(2)}
          </text>
        </g>
      ))}
    </svg>
  );
}

function nodesOf(
  topology: Topology,
  links: readonly TopologyLink[],
  worst: ReadonlyMap<string, string>,
): readonly MapNode[] {
  const known = topology.devices.map(({ name, site, reachable }) => ({
    name,
    known: true,
    group: site ?? '',
    look: reachable === false ? 'down' : (worst.get(name) ?? (reachable === null ? 'unknown' : 'up')),
  }));
  const strangers = new Map(
    links.flatMap(({ a, b }) => (b.device === null ? [[nodeOf(b), a.device ?? ''] as const] : [])),
  );
  const siteOf = new Map(topology.devices.map(({ name, site }) => [name, site ?? '']));
  return [
    ...known,
    ...[...strangers].map(([name, near]) => ({ name, known: false, group: siteOf.get(near) ?? '', look: 'stranger' })),
  ];
}

/** Several links between the same two lie beside each other. */
function bendOf(link: TopologyLink, links: readonly TopologyLink[]): number {
  const same = links.filter((one) => nodeOf(one.a) === nodeOf(link.a) && nodeOf(one.b) === nodeOf(link.b));
  return same.length < 2 ? 0 : (same.indexOf(link) - (same.length - 1) / 2) * 26;
}

interface WireProps {
  readonly link: TopologyLink;
  readonly from: Spot;
  readonly to: Spot;
  readonly value: number | null;
  readonly bend: number;
  readonly marked: boolean;
}

function Wire({ link, from, to, value, bend, marked }: WireProps) {
  const length = Math.max(1, Math.hypot(to.x - from.x, to.y - from.y));
  const middle = {
    x: (from.x + to.x) / 2 - ((to.y - from.y) / length) * bend,
    y: (from.y + to.y) / 2 + ((to.x - from.x) / length) * bend,
  };
  const resource = link.a.resource ?? link.b.resource;
  return (
    <path
      class={`wire ${loadLook(value)} ${marked ? 'marked' : ''}`}
      d={`M${from.x} ${from.y} Q${middle.x} ${middle.y} ${to.x} ${to.y}`}
      onClick={() => resource !== null && go(hrefOfResource(resource))}
    >
      <title>{`${linkText(link)} ${percent(value)}`}</title>
    </path>
  );
}

function endText({ device, name, interface: place, port }: TopologyLink['a']): string {
  return `${device ?? name} ${place ?? port ?? ''}`.trim();
}

function linkText({ a, b }: TopologyLink): string {
  return `${endText(a)} – ${endText(b)}`;
}

function LinksTable({ links, load }: { readonly links: readonly TopologyLink[]; readonly load: Load }) {
  return (
    <Table
      name={t('map.links')}
      rows={links}
      keyOf={linkText}
      empty={t('map.none')}
      columns={[
        { id: 'a', title: t('map.one'), value: ({ a }) => endText(a), cell: ({ a }) => <End end={a} /> },
        { id: 'b', title: t('map.other'), value: ({ b }) => endText(b), cell: ({ b }) => <End end={b} /> },
        {
          id: 'protocols',
          title: t('neighbour.protocol'),
          value: ({ protocols }) => protocols.join(' '),
          kind: 'wide',
        },
        { id: 'told', title: t('map.toldBy'), value: ({ toldBy }) => toldBy.length, kind: 'wide figure' },
        {
          id: 'load',
          title: t('map.load'),
          value: (link) => loadOf(link, load),
          cell: (link) => percent(loadOf(link, load)),
          kind: 'figure',
        },
      ]}
    />
  );
}

function End({ end }: { readonly end: TopologyLink['a'] }) {
  const text = <bdi>{endText(end)}</bdi>;
  if (end.resource !== null) return <a href={hrefOfResource(end.resource)}>{text}</a>;
  return end.device === null ? text : <a href={hrefOf(['devices', end.device])}>{text}</a>;
}
