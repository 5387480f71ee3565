// What a plan would cost: for usage that is typed in, or for that of services in a period; with changed terms too, before anybody agrees to them.
import { useState } from 'preact/hooks';
import { ask as askServer } from './api.ts';
import type { ContractService, PricePlan, QuoteAnswer } from './billing-types.ts';
import { times } from './decimal.ts';
import { Field } from './field.tsx';
import { choose, placeNow, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { ChangeTable, QuoteLines } from './quote-view.tsx';
import { useAll } from './use-answer.ts';
import { useAsked } from './use-asked.ts';
import { t } from './words.ts';

const VOLUMES = { GB: 10n ** 9n, TB: 10n ** 12n, GiB: 2n ** 30n, TiB: 2n ** 40n, MB: 10n ** 6n } as const;
const MBPS = 10n ** 6n;
/** Services that one preview of a change asks for; the rest is told by its number. */
const MOST_SERVICES = 40;
const PERIODS = 13;

type Version = PricePlan['versions'][number];

interface Found {
  readonly answers: readonly { readonly service: string; readonly quote: QuoteAnswer }[];
  readonly leftOut: number;
}

export function Calculator({ plan, version }: { readonly plan: PricePlan; readonly version: Version }) {
  const services = useAll<ContractService>('/billing/v1/services', 10);
  const [terms, setTerms] = useState<string | null>(null);
  const own = (services.data ?? []).filter((one) => one.plans.at(-1)?.plan === plan.id);
  const { found, problem, asking, ask } = useAsked(async () => {
    const which = terms === null ? { plan: { id: plan.id, version: version.version } } : { terms: parsedTerms(terms) };
    return quotes(placeNow().query, which, own);
  });
  return (
    <section class="card" aria-label={t('quote.title')}>
      <header>
        <h2>
          {t('quote.title')}: <bdi>{plan.id}</bdi>
        </h2>
        <span class="note">{t('quote.note')}</span>
      </header>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <Usage services={services.data ?? []} own={own.length} />
        <Terms version={version} terms={terms} onTerms={setTerms} />
        <div class="actions">
          <button type="submit" class="main" disabled={asking}>
            {asking ? t('asking') : t('quote.do')}
          </button>
          <button type="button" class="plain" onClick={() => choose({ plan: null, version: null })}>
            {t('cancel')}
          </button>
        </div>
      </form>
      <Problem text={problem ?? services.problem} />
      {found !== null && <Outcome found={found} />}
    </section>
  );
}

function Outcome({ found: { answers, leftOut } }: { readonly found: Found }) {
  const [only] = answers;
  if (only === undefined) return <p class="empty">{t('quote.noService')}</p>;
  return (
    <div role="status">
      {answers.length === 1 ? <QuoteLines quote={only.quote} /> : <ChangeTable answers={answers} />}
      {leftOut > 0 && <p class="note">{t('quote.leftOut', { n: leftOut })}</p>}
    </div>
  );
}

type Query = URLSearchParams;

async function quotes(query: Query, which: object, own: readonly ContractService[]): Promise<Found> {
  const chosen = query.get('of') ?? 'typed';
  const period = query.get('period') ?? '';
  const when = period === '' ? {} : { period };
  if (chosen === 'typed')
    return { answers: [{ service: '', quote: await quoted({ ...which, usage: typed(query) }) }], leftOut: 0 };
  const wanted = chosen === 'all' ? own.map(({ id }) => id) : [chosen];
  const answers: { service: string; quote: QuoteAnswer }[] = [];
  for (const service of wanted.slice(0, MOST_SERVICES))
    answers.push({ service, quote: await quoted({ ...which, ...when, service }) });
  return { answers, leftOut: wanted.length - answers.length };
}

function quoted(body: object): Promise<QuoteAnswer> {
  const headers = { 'content-type': 'application/json' };
  return askServer<QuoteAnswer>('/billing/v1/quotes', { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Throws in words where something is no number. */
function typed(query: Query): object {
  const unit = VOLUMES[unitOf(query)];
  const number = (name: string, factor: bigint): string => {
    const value = times(query.get(name) || '0', factor);
    if (value === null) throw new Error(t('quote.noNumber', { text: query.get(name) ?? '' }));
    return value;
  };
  return {
    in_octets: number('in', unit).split('.')[0] ?? '0',
    out_octets: number('out', unit).split('.')[0] ?? '0',
    percentile_in_bps: number('pin', MBPS),
    percentile_out_bps: number('pout', MBPS),
    begins: query.get('begins') === '1',
  };
}

function unitOf(query: Query): keyof typeof VOLUMES {
  const unit = query.get('unit') ?? 'GB';
  return Object.hasOwn(VOLUMES, unit) ? (unit as keyof typeof VOLUMES) : 'GB';
}

function parsedTerms(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(t('quote.noJson', { message: error instanceof Error ? error.message : '' }));
  }
}

function Usage({ services, own }: { readonly services: readonly ContractService[]; readonly own: number }) {
  const { query } = usePlace();
  const of = query.get('of') ?? 'typed';
  const text = (name: string) => ({
    value: query.get(name) ?? '',
    onValue: (value: string) => choose({ [name]: value || null }),
  });
  const choices = [
    ['typed', t('quote.typed')],
    ['all', t('quote.all', { n: own })],
    ...services.map(({ id, customer }): [string, string] => [id, `${id} (${customer})`]),
  ] as const;
  return (
    <>
      <Field label={t('quote.of')} value={of} onValue={(value) => choose({ of: value })} choices={choices} />
      {of === 'typed' ? (
        <>
          <Field label={t('in')} {...text('in')} hint="0" />
          <Field label={t('out')} {...text('out')} hint="0" />
          <Field
            label={t('quote.unit')}
            value={unitOf(query)}
            onValue={(unit) => choose({ unit })}
            choices={Object.keys(VOLUMES)}
          />
          <Field label={`${t('p95.in')}, Mbit/s`} {...text('pin')} hint="0" />
          <Field label={`${t('p95.out')}, Mbit/s`} {...text('pout')} hint="0" />
          <label>
            <input
              type="checkbox"
              checked={query.get('begins') === '1'}
              onChange={(event) => choose({ begins: event.currentTarget.checked ? '1' : null })}
            />{' '}
            {t('quote.begins')}
          </label>
        </>
      ) : (
        <Field
          label={t('period')}
          value={query.get('period') ?? ''}
          onValue={(period) => choose({ period: period || null })}
          choices={[['', t('quote.running')], ...lastMonths().map((name) => [name, name] as const)]}
        />
      )}
    </>
  );
}

function lastMonths(): readonly string[] {
  const now = new Date();
  return Array.from({ length: PERIODS - 1 }, (_, back) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back - 1, 1)).toISOString().slice(0, 7),
  );
}

interface TermsProps {
  readonly version: Version;
  readonly terms: string | null;
  readonly onTerms: (terms: string | null) => void;
}

/** The terms as they are, to be changed for a try: what counts stands in the configuration. */
function Terms({ version, terms, onTerms }: TermsProps) {
  return (
    <div class="whole">
      <label>
        <input
          type="checkbox"
          checked={terms !== null}
          onChange={(event) => onTerms(event.currentTarget.checked ? JSON.stringify(version.terms, null, 2) : null)}
        />{' '}
        {t('quote.change')}
      </label>
      {terms !== null && (
        <textarea
          class="terms"
          dir="ltr"
          rows={Math.min(24, terms.split('\n').length + 1)}
          value={terms}
          aria-label={t('quote.terms')}
          spellcheck={false}
          onInput={(event) => onTerms(event.currentTarget.value)}
        />
      )}
    </div>
  );
}
