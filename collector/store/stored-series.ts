// The catalogue of what the store has values of, in pages by metric and resource.
import { METRICS, metricNamed } from './metrics.ts';
import { type Resource, type ResourceBook, resourceName } from './resource-book.ts';
import { type CatalogueQuery, MAX_CATALOGUE, type StoredSeries } from './store.ts';

interface Named {
  readonly name: string;
  readonly resource: Resource;
}

/** Lists in the order of the names, made again when a resource has come or gone. */
export class SeriesCatalogue {
  readonly #book: ResourceBook;
  #version = -1;
  #lists = new Map<string, Named[]>();

  constructor(book: ResourceBook) {
    this.#book = book;
  }

  page(query: CatalogueQuery): StoredSeries[] {
    this.#refresh();
    const limit = Math.max(0, Math.min(MAX_CATALOGUE, Math.trunc(query.limit)));
    const { after, device } = query;
    const found: StoredSeries[] = [];
    for (const metric of this.#metrics(query.metric)) {
      if (after !== undefined && metric < after.metric) continue;
      const list = this.#listOf(metric);
      const from = after?.metric === metric ? firstAfter(list, after.resource) : 0;
      for (let at = from; at < list.length && found.length < limit; at += 1) {
        const one = list[at];
        if (one === undefined || (device !== undefined && one.resource.device !== device)) continue;
        found.push(storedOf(metric, one));
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  #metrics(only: string | undefined): string[] {
    if (only !== undefined) return [only];
    const open = [...this.#lists.keys()]
      .filter((key) => key.includes('/'))
      .map((key) => key.slice(key.indexOf('/') + 1));
    const fixed = Object.keys(METRICS).filter((name) => this.#listOf(name).length > 0);
    return [...new Set([...fixed, ...open])].toSorted(byCodeUnits);
  }

  #listOf(metric: string): readonly Named[] {
    const of = metricNamed(metric, null);
    if (of.kind === 'counter' || of.table === 'interface_metrics') return this.#lists.get('interface') ?? [];
    if (of.table === 'device_metrics') return this.#lists.get('device') ?? [];
    return this.#lists.get(`of/${metric}`) ?? [];
  }

  #refresh(): void {
    if (this.#version === this.#book.version) return;
    const lists = new Map<string, Named[]>();
    for (const resource of this.#book.all()) {
      const key = resource.kind === 'device' || resource.kind === 'interface' ? resource.kind : `of/${resource.metric}`;
      const list = lists.get(key) ?? [];
      if (list.length === 0) lists.set(key, list);
      list.push({ name: resourceName(resource), resource });
    }
    for (const list of lists.values()) list.sort((a, b) => byCodeUnits(a.name, b.name));
    this.#lists = lists;
    this.#version = this.#book.version;
  }
}

function storedOf(metric: string, { name, resource }: Named): StoredSeries {
  const { unit } = metricNamed(metric, null);
  return {
    metric,
    resource: name,
    device: resource.device,
    part: resource.device === '' ? '' : resource.part,
    description: resource.description,
    unit: unit === '' ? resource.unit : unit,
    tags: resource.tags === '' ? {} : Object.fromEntries(JSON.parse(resource.tags) as [string, string][]),
  };
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function firstAfter(list: readonly Named[], name: string): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.name ?? '') <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}
