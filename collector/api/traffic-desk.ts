// What flows into and out of the network, and of each site: summed over the ports at its edge, because a port between two of its devices carries the same octets again.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { EVERYTHING, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Interfaces } from '../inventory/interface-list.ts';
import type { LinkEnd } from '../inventory/topology.ts';
import type { TopologyBook } from '../inventory/topology-book.ts';
import type { MetricStore, SeriesPoint } from '../store/store.ts';
import { groupPoints } from './series-groups.ts';
import { SharedAnswer } from './shared-answer.ts';

export interface TrafficDeskDeps {
  readonly clock: Clock;
  readonly interfaces: Pick<Interfaces, 'ports'>;
  readonly topology: Pick<TopologyBook, 'read' | 'lags'>;
  readonly store: Pick<MetricStore, 'latest' | 'many'>;
}

interface Port {
  readonly device: string;
  readonly resource: string;
  /** The device of ours at its other end; null where there is none that is known. */
  readonly far: string | null;
}

/** Of some ports at once. */
export interface Flow {
  readonly inBps: number | null;
  readonly outBps: number | null;
  readonly ports: number;
  /** Of them those with a value of now. */
  readonly known: number;
}

export interface FlowPoint {
  readonly atMs: EpochMs;
  readonly inBps: number | null;
  readonly outBps: number | null;
  /** Part of step and ports that readings cover. */
  readonly coverage: number;
}

export interface FlowDay {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly stepMs: DurationMs;
  readonly points: readonly FlowPoint[];
}

/** As many as the store takes in one question for the latest values. */
export const MOST_PORTS = 10_000;
const AT_ONCE = 1000;
const DAY_MS: DurationMs = 86_400_000;
const MINUTE_MS: DurationMs = 60_000;
/** A value older than this is not of now. */
const LATEST_WITHIN_MS: DurationMs = 15 * MINUTE_MS;
const PORTS_KEPT_MS: DurationMs = MINUTE_MS;
const NOW_KEPT_MS: DurationMs = 5000;

type Values = ReadonlyMap<string, number>;

export class TrafficDesk {
  readonly #deps: TrafficDeskDeps;
  readonly #ports: SharedAnswer<{ readonly ports: readonly Port[]; readonly cut: boolean }>;
  readonly #values: SharedAnswer<readonly [Values, Values]>;
  readonly #day: SharedAnswer<FlowDay>;

  constructor(deps: TrafficDeskDeps) {
    this.#deps = deps;
    this.#ports = new SharedAnswer(deps.clock);
    this.#values = new SharedAnswer(deps.clock);
    this.#day = new SharedAnswer(deps.clock);
  }

  /** Of all that the viewpoint sees; `cut`: there are more ports than are summed. */
  async now(viewpoint: Viewpoint): Promise<Flow & { readonly cut: boolean }> {
    const { ports, cut } = await this.#portsOf(viewpoint);
    const [inward, outward] = await this.#valuesOf(viewpoint, ports);
    return { ...flowOf(ports.filter(isEdge), inward, outward), cut };
  }

  /** Of each group of devices by itself: a port between two groups is at the edge of both. */
  async by(viewpoint: Viewpoint, groupOf: (device: string) => string | null): Promise<ReadonlyMap<string, Flow>> {
    const { ports } = await this.#portsOf(viewpoint);
    const [inward, outward] = await this.#valuesOf(viewpoint, ports);
    const groups = new Map<string, Port[]>();
    for (const port of ports) {
      const group = groupOf(port.device);
      if (group === null || (port.far !== null && groupOf(port.far) === group)) continue;
      const own = groups.get(group);
      if (own === undefined) groups.set(group, [port]);
      else own.push(port);
    }
    return new Map([...groups].map(([group, own]) => [group, flowOf(own, inward, outward)]));
  }

  /** The last day, in steps of whole minutes that end now. */
  async day(viewpoint: Viewpoint): Promise<FlowDay> {
    const edge = (await this.#portsOf(viewpoint)).ports.filter(isEdge);
    const stepMs = stepOf(edge.length);
    const make = (): Promise<FlowDay> => this.#dayOf(edge, stepMs);
    return viewpoint.everything ? this.#day.get(stepMs / 5, make) : make();
  }

  async #dayOf(edge: readonly Port[], stepMs: DurationMs): Promise<FlowDay> {
    const toMs = Math.ceil(this.#deps.clock.now() / stepMs) * stepMs;
    const span = { fromMs: toMs - DAY_MS, toMs, stepMs };
    const [inward, outward] = [await this.#sum('in_bps', edge, span), await this.#sum('out_bps', edge, span)];
    const points = inward.map(({ atMs, value, coverage }, at) => ({
      atMs,
      inBps: value === null ? null : Number(value),
      outBps: outward[at]?.value == null ? null : Number(outward[at].value),
      coverage,
    }));
    return { ...span, points };
  }

  /** A thousand at a time: of each only the sum is kept. */
  async #sum(
    metric: string,
    edge: readonly Port[],
    span: { readonly fromMs: EpochMs; readonly toMs: EpochMs; readonly stepMs: DurationMs },
  ): Promise<readonly SeriesPoint[]> {
    let sum: readonly SeriesPoint[] = [];
    for (let first = 0; first < edge.length; first += AT_ONCE) {
      const resources = edge.slice(first, first + AT_ONCE).map(({ resource }) => resource);
      const series = await this.#deps.store.many({ metric, resources, ...span, function: 'avg' });
      const some = weighted(groupPoints(series, 'sum'), resources.length);
      sum = sum.length === 0 ? some : groupPoints([{ points: sum }, { points: some }], 'sum').map(doubled);
    }
    return weighted(sum, 1 / Math.max(1, edge.length));
  }

  async #portsOf(viewpoint: Viewpoint): Promise<{ readonly ports: readonly Port[]; readonly cut: boolean }> {
    return viewpoint.everything
      ? this.#ports.get(PORTS_KEPT_MS, () => this.#readPorts(EVERYTHING))
      : this.#readPorts(viewpoint);
  }

  async #readPorts(viewpoint: Viewpoint): Promise<{ readonly ports: readonly Port[]; readonly cut: boolean }> {
    const { interfaces, topology } = this.#deps;
    const { ports, cut } = await interfaces.ports(viewpoint, MOST_PORTS);
    const { links } = await topology.read(viewpoint, null);
    const lags = await topology.lags();
    const far = new Map<string, string>();
    const add = (near: LinkEnd, other: LinkEnd): void => {
      if (near.device !== null && near.interfaceKey !== null && other.device !== null)
        far.set(`${near.device}/${near.interfaceKey}`, other.device);
    };
    for (const { a, b } of links) {
      add(a, b);
      add(b, a);
    }
    const farOf = (resource: string): string | null => far.get(resource) ?? far.get(lags.get(resource) ?? '') ?? null;
    return { ports: ports.map((port) => ({ ...port, far: farOf(port.resource) })), cut };
  }

  #valuesOf(viewpoint: Viewpoint, ports: readonly Port[]): Promise<readonly [Values, Values]> {
    const make = async (): Promise<readonly [Values, Values]> => {
      const resources = ports.map(({ resource }) => resource);
      return [await this.#latest('in_bps', resources), await this.#latest('out_bps', resources)];
    };
    return viewpoint.everything ? this.#values.get(NOW_KEPT_MS, make) : make();
  }

  async #latest(metric: string, resources: readonly string[]): Promise<Values> {
    const sinceMs = this.#deps.clock.now() - LATEST_WITHIN_MS;
    const found = await this.#deps.store.latest({ metric, resources, sinceMs });
    return new Map(found.map(({ resource, value }) => [resource, value]));
  }
}

function isEdge({ far }: Port): boolean {
  return far === null;
}

function flowOf(ports: readonly Port[], inward: Values, outward: Values): Flow {
  const known = ports.filter(({ resource }) => inward.has(resource) && outward.has(resource));
  const sum = (values: Values): number | null =>
    known.length === 0 ? null : known.reduce((total, { resource }) => total + (values.get(resource) ?? 0), 0);
  return { inBps: sum(inward), outBps: sum(outward), ports: ports.length, known: known.length };
}

/** So many points of a day are read at most, of either way. */
function stepOf(ports: number): DurationMs {
  return (ports <= AT_ONCE ? 5 : ports <= 3 * AT_ONCE ? 15 : 30) * MINUTE_MS;
}

function weighted(points: readonly SeriesPoint[], factor: number): readonly SeriesPoint[] {
  return points.map((point) => ({ ...point, coverage: point.coverage * factor }));
}

/** `groupPoints` takes the mean of both coverages. */
function doubled(point: SeriesPoint): SeriesPoint {
  return { ...point, coverage: point.coverage * 2 };
}
