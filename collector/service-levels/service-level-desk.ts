// Service levels of services over a span: the records of the ports that they are bound to, held against the terms of their contracts.
import {
  type AgreedWindow,
  type LevelTerms,
  type PortRecord,
  type ServiceLevel,
  serviceLevelOf,
  USUAL_TERMS,
} from '../../common/model/service-level.ts';
import type { Span } from '../../common/model/spans.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { DownRecordsOf, KnownDowns } from '../faults/down-records.ts';
import type { MirroredService } from '../services/service-book.ts';

export interface ServiceLevelDeskDeps {
  readonly now: () => EpochMs;
  readonly downs: DownRecordsOf;
  readonly agreed: (resource: string, service: string | null, span: Span) => readonly AgreedWindow[];
  /** Of a device that is not there any more nothing is waited for. */
  readonly isConfigured: (device: string) => boolean;
}

/** What bills rest on: all that is known of one port. */
export interface PortRecords extends Omit<PortRecord, 'fromMs' | 'toMs'> {
  /** Null: all that there will be. */
  readonly knownUntilMs: EpochMs | null;
}

export interface LevelOfService {
  readonly service: MirroredService;
  readonly terms: LevelTerms;
  /** As it was asked for. */
  readonly span: Span;
  readonly level: ServiceLevel;
  /** Up to when everything is known of all of its ports; not beyond the span. */
  readonly knownUntilMs: EpochMs;
}

export interface Asked {
  readonly service: MirroredService;
  readonly span: Span;
}

const NOTHING_KNOWN: KnownDowns = { downs: [], knownUntilMs: null };
/** Of one question. */
const MOST_PORTS = 20_000;

export class ServiceLevelDesk {
  readonly #deps: ServiceLevelDeskDeps;

  constructor(deps: ServiceLevelDeskDeps) {
    this.#deps = deps;
  }

  /** In the order of the questions; a span that has not ended is measured up to now. Throws service_level_too_large. */
  async levels(asked: readonly Asked[]): Promise<LevelOfService[]> {
    const nowMs = this.#deps.now();
    const bound = asked.map(({ service, span }) =>
      portsOf(service, { fromMs: span.fromMs, toMs: Math.min(span.toMs, nowMs) }),
    );
    const all = bound.flat();
    if (all.length > MOST_PORTS)
      throw new WeirError('service_level_too_large', `One answer is not about more than ${MOST_PORTS} ports.`, {
        most: MOST_PORTS,
      });
    const fromMs = Math.min(...all.map((one) => one.fromMs));
    const toMs = Math.max(...all.map((one) => one.toMs));
    const known: ReadonlyMap<string, KnownDowns> =
      all.length === 0
        ? new Map()
        : await this.#deps.downs.of([...new Set(all.map(({ resource }) => resource))], { fromMs, toMs });
    return asked.map(({ service, span }, at) => {
      const terms = service.availability ?? USUAL_TERMS;
      const measured = { fromMs: span.fromMs, toMs: Math.min(span.toMs, nowMs) };
      let knownUntilMs = measured.toMs;
      const ports = (bound[at] ?? []).map((port): PortRecord => {
        const { downs, knownUntilMs: untilMs } = known.get(port.resource) ?? NOTHING_KNOWN;
        const until = this.#known(port.resource, untilMs);
        if (until !== null && until < port.toMs) knownUntilMs = Math.min(knownUntilMs, Math.max(until, span.fromMs));
        return { ...port, downs, windows: this.#deps.agreed(port.resource, service.id, port) };
      });
      return { service, terms, span, level: serviceLevelOf(terms, measured, ports), knownUntilMs };
    });
  }

  /** All that there is of one port in a span, whoever it is bound to; `service` names what it is bound to, for windows of services. */
  async records(resource: string, service: string | null, span: Span): Promise<PortRecords> {
    const found = (await this.#deps.downs.of([resource], span)).get(resource);
    return {
      resource,
      downs: found?.downs ?? [],
      windows: this.#deps.agreed(resource, service, span),
      knownUntilMs: this.#known(resource, found?.knownUntilMs ?? null),
    };
  }

  #known(resource: string, untilMs: EpochMs | null): EpochMs | null {
    return this.#deps.isConfigured(resource.split('/')[0] ?? resource) ? untilMs : null;
  }
}

/** Each binding of the service in the span. */
function portsOf(service: MirroredService, span: Span): (Span & { readonly resource: string })[] {
  return service.bindings.flatMap(({ device, interfaceKey, fromMs, toMs }) => {
    const from = Math.max(span.fromMs, service.fromMs, fromMs);
    const to = Math.min(span.toMs, service.toMs ?? Infinity, toMs ?? Infinity);
    return from < to ? [{ resource: `${device}/${interfaceKey}`, fromMs: from, toMs: to }] : [];
  });
}
