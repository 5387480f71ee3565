// Quotes as they are asked for: which plan, which period and whose usage; terms that nobody has agreed to yet are read as the configuration is.
import { z } from 'zod';
import { Exact } from '../common/model/exact.ts';
import { type Period, periodAt, periodNamed } from '../common/model/period.ts';
import type { EpochMs } from '../common/model/time.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { ContractBook } from './account/contract-book.ts';
import type { Customer, Service } from './account/contract.ts';
import { planSchema, planTerms } from './contract-schema.ts';
import type { PreviewDeps } from './rate/preview.ts';
import { type Quote, type QuotedPlan, quoteService, quoteStated } from './rate/quote.ts';

export interface QuoteRequest {
  /** Of the book; the version that counts at the begin of the period without one. */
  readonly plan?: { readonly id: string; readonly version?: number | undefined } | undefined;
  /** A plan as the configuration would state it. */
  readonly terms?: unknown;
  readonly service?: string | undefined;
  /** By name in the customer's zone, or in `zone`; without it the running one. */
  readonly period?: string | undefined;
  readonly zone: string;
  readonly usage?: StatedText | undefined;
}

/** Decimals as text: octets whole, rates in bit/s. */
export interface StatedText {
  readonly in_octets: string;
  readonly out_octets: string;
  readonly percentile_in_bps: string;
  readonly percentile_out_bps: string;
  readonly begins: boolean;
}

export interface QuoteAnswer extends Quote {
  /** Of a service: what the contract comes to as it is. */
  readonly before: Quote | null;
}

/** Throws not_found, and invalid_request where what is asked is no plan or no period. */
export async function answerQuote(
  deps: PreviewDeps,
  book: ContractBook,
  request: QuoteRequest,
  now: EpochMs,
): Promise<QuoteAnswer> {
  const service = request.service === undefined ? null : existing(book.services.get(request.service), request.service);
  const customer = service === null ? null : book.customerOf(service);
  const period = periodOf(request, customer, now);
  const plan = planOf(book, request, period);
  if (service === null) {
    const { usage } = request;
    if (usage === undefined) throw invalid('usage', 'expected it, or a service whose usage is taken');
    return { ...quoteStated(plan, period, statedOf(usage)), before: null };
  }
  const standing = book.planAt(service, Math.max(period.startMs, service.fromMs));
  const asked = { service, period, now };
  return {
    ...(await quoteService(deps, book, { ...asked, plan })),
    before: standing === null ? null : await quoteService(deps, book, { ...asked, plan: standing }),
  };
}

function existing(service: Service | undefined, id: string): Service {
  if (service === undefined) throw new WeirError('not_found', `There is no service ${id}.`, { service: id });
  return service;
}

function periodOf({ period, zone }: QuoteRequest, customer: Customer | null, now: EpochMs): Period {
  const place = customer?.zone ?? zone;
  if (period === undefined) return periodAt(now, customer?.cycle ?? 'month', place);
  const named = periodNamed(period, place);
  if (named === null) throw invalid('period', 'expected one such as 2026-11');
  return named;
}

const draft = z.object({ terms: planSchema });

function planOf(book: ContractBook, { plan, terms }: QuoteRequest, period: Period): QuotedPlan {
  if (terms !== undefined) {
    const document = draft.parse({ terms }).terms;
    return { ...planTerms(document), id: document.id, version: 0 };
  }
  if (plan === undefined) throw invalid('plan', 'expected it, or terms');
  const versions = book.plans.filter(({ id, cancelled }) => id === plan.id && cancelled !== true);
  const counting = versions
    .filter(({ validFromMs }) => validFromMs <= period.startMs)
    .toSorted(byBegin)
    .at(-1);
  const found =
    plan.version === undefined
      ? (counting ?? versions.toSorted(byBegin)[0])
      : versions.find(({ version }) => version === plan.version);
  if (found === undefined)
    throw new WeirError('not_found', `There is no such version of the plan ${plan.id}.`, { plan });
  return found;
}

function byBegin(one: { readonly validFromMs: EpochMs }, other: { readonly validFromMs: EpochMs }): number {
  return one.validFromMs - other.validFromMs;
}

function statedOf(usage: StatedText) {
  const exact = (text: string): Exact => Exact.parse(text) ?? Exact.zero;
  return {
    in: BigInt(usage.in_octets),
    out: BigInt(usage.out_octets),
    percentileIn: exact(usage.percentile_in_bps),
    percentileOut: exact(usage.percentile_out_bps),
    begins: usage.begins,
  };
}

function invalid(path: string, message: string): WeirError {
  return new WeirError('invalid_request', `${path}: ${message}.`, { issues: [{ path, message }] });
}
