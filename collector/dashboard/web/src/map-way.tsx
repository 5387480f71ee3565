// The way on the map from a symptom to its cause, as the address asks for it: drawn, and said in words.
import { choose, hrefOf } from './place.ts';
import type { TopologyLink } from './types.ts';
import { wayBetween } from './way.ts';
import { t } from './words.ts';

export interface Way {
  /** One device alone is shown without a way. */
  readonly from: string | null;
  readonly to: string | null;
  /** From the symptom to the cause; of both the ends alone where no way is known. */
  readonly nodes: readonly string[];
  readonly known: boolean;
}

export function wayOf(query: URLSearchParams, links: readonly TopologyLink[]): Way {
  const [from, to] = [query.get('from'), query.get('to')];
  if (from === null || to === null || from === to) {
    const only = to ?? from;
    return { from: null, to: only, nodes: only === null ? [] : [only], known: true };
  }
  const wires = links.flatMap(({ a, b }) =>
    a.device === null || b.device === null ? [] : [[a.device, b.device] as const],
  );
  const way = wayBetween(wires, from, to);
  return { from, to, nodes: way ?? [from, to], known: way !== null };
}

export function isOnWay(way: readonly string[], one: string, other: string): boolean {
  const [a, b] = [way.indexOf(one), way.indexOf(other)];
  return a >= 0 && b >= 0 && Math.abs(a - b) === 1;
}

export function WayText({ way: { from, to, nodes, known } }: { readonly way: Way }) {
  if (to === null) return null;
  return (
    <p class="way" role="status">
      {from === null ? t('map.shows') : t('map.way')}{' '}
      {nodes.map((name, place) => (
        <span key={name}>
          {place > 0 && (known ? ' › ' : ' … ')}
          <a href={hrefOf(['devices', name])}>
            <bdi>{name}</bdi>
          </a>
          {from !== null && name === to && ` (${t('map.cause')})`}
        </span>
      ))}{' '}
      {!known && <span class="note">{t('map.noWay')}</span>}{' '}
      <button type="button" class="plain" onClick={() => choose({ from: null, to: null })}>
        {t('map.wayAway')}
      </button>
    </p>
  );
}
