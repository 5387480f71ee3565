// Where the reader is, as it stands in the address behind `#`: a view, what it is about, and everything that is chosen in it.
import { useEffect, useMemo, useState } from 'preact/hooks';

export interface Place {
  /** `['devices', 'core1']`; empty for the first page. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').filter((part) => part !== '');
  return { path: parts.map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `#/devices/core1?tab=sensors`; what is null or empty is left out. */
export function hrefOf(path: readonly string[], query: Readonly<Record<string, string | null>> = {}): string {
  const chosen = Object.entries(query).filter(([, value]) => value !== null && value !== '') as [string, string][];
  const text = new URLSearchParams(chosen).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

export function hrefOfResource(resource: string): string {
  const cut = resource.indexOf('/');
  if (resource.startsWith('agent:')) return hrefOf(['agents']);
  if (cut < 0) return hrefOf(['devices', resource]);
  const [device, part] = [resource.slice(0, cut), resource.slice(cut + 1)];
  const gauge = /^(processor|memory|storage|sensor|outlet|bgp-peer|module|neighbour):/.test(part);
  return gauge ? hrefOf(['devices', device], { tab: 'health' }) : hrefOf(['interfaces', device, part]);
}

export function go(href: string): void {
  location.hash = href;
}

/** Changes what is chosen in this view; the way back does not lead through each key that was typed. */
export function choose(changes: Readonly<Record<string, string | null>>): void {
  const { path, query } = readPlace(location.hash);
  const href = hrefOf(path, { ...Object.fromEntries(query), ...changes });
  history.replaceState(null, '', `${location.pathname}${location.search}${href}`);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/** As it stands this moment, for what is done on a click: what was typed just before may not be drawn yet. */
export function placeNow(): Place {
  return readPlace(location.hash);
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = () => setHash(location.hash);
    addEventListener('hashchange', moved);
    // What was chosen between the first drawing and now was heard by nobody.
    moved();
    return () => removeEventListener('hashchange', moved);
  }, []);
  return useMemo(() => readPlace(hash), [hash]);
}
