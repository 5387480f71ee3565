// Whom the usage of an interface is billed to, and how well it is known.
import type { Meter, UsageRecord } from './billing-types.ts';
import { octets, percent } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { type Span, spanName, spanQuery } from './span.ts';
import type { Page } from './types.ts';
import { all, type Answer, MOST_ROWS, useAnswer } from './use-answer.ts';
import { t } from './words.ts';

interface BillingProps {
  readonly device: string;
  readonly name: string;
  readonly usage: Answer<readonly UsageRecord[]>;
}

/** As many as one answer of the bridge gives. */
const PAGE = 10_000;

/** Records of both directions in the span; of a month they are more than one page. */
export function useUsage(device: string, name: string, span: Span): Answer<readonly UsageRecord[]> {
  const query = new URLSearchParams({ device, interface: name, ...spanQuery(span) }).toString();
  const { may } = useReader();
  return useAnswer<readonly UsageRecord[]>(may.network ? `/billing/v1/usage?${query}` : null, {
    subject: `${device} ${name} ${spanName(span)}`,
    every: 6,
    by: (path) => all<UsageRecord>(path, PAGE),
  });
}

export function Billing({ device, name, usage }: BillingProps) {
  const { may } = useReader();
  const query = new URLSearchParams({ device, interface: name }).toString();
  const meters = useAnswer<Page<Meter>>(`/billing/v1/meters?${query}`, { every: 6 });
  const [meter] = meters.data?.items ?? [];
  return (
    <section class="card" aria-label={t('interface.billing')}>
      <header>
        <h2>{t('interface.billing')}</h2>
      </header>
      <Problem text={meters.problem} old={meters.data !== null} />
      {meters.data !== null && meter === undefined && <p class="empty">{t('interface.noMeter')}</p>}
      {meter !== undefined && (
        <p>
          {meter.state === 'billed'
            ? t('meter.billed')
            : meter.state === 'infrastructure'
              ? t('meter.infrastructure')
              : t('meter.unassigned')}{' '}
          {meter.customer !== null &&
            (may.customers ? (
              <a href={hrefOf(['usage', meter.customer])}>
                <bdi>{meter.service}</bdi>
              </a>
            ) : (
              <bdi>{meter.service}</bdi>
            ))}
          <bdi>{meter.reason}</bdi>
        </p>
      )}
      {usage.data !== null && usage.data.length > 0 && <Quality records={usage.data} />}
      {usage.data !== null && usage.data.length >= MOST_ROWS && (
        <p class="note">{t('quality.cut', { n: MOST_ROWS })}</p>
      )}
    </section>
  );
}

/** Sums in exact integers; shares of time for the eye. */
function Quality({ records }: { readonly records: readonly UsageRecord[] }) {
  const sum = (pick: (record: UsageRecord) => string) => records.reduce((total, one) => total + BigInt(pick(one)), 0n);
  const time = (pick: (record: UsageRecord) => number) => records.reduce((total, one) => total + pick(one), 0);
  const all = time(({ bucketMs }) => bucketMs);
  const rated = sum(({ octets: { good } }) => good) + sum(({ octets: { wrapped } }) => wrapped);
  const gap = sum(({ octets }) => octets.gap);
  const suspended = sum(({ octets }) => octets.suspended);
  const share = (ms: number) => percent(all === 0 ? null : (ms * 100) / all);
  return (
    <dl class="pairs">
      <div>
        <dt>{t('quality.good')}</dt>
        <dd class="exact" title={`${rated}`}>
          {octets(`${rated}`)} · {share(time(({ coveredMs, gapMs }) => coveredMs - gapMs))}
        </dd>
      </div>
      <div>
        <dt>{t('quality.gap')}</dt>
        <dd class="exact" title={`${gap}`}>
          {octets(`${gap}`)} · {share(time(({ gapMs }) => gapMs))}
        </dd>
      </div>
      <div>
        <dt>{t('quality.lost')}</dt>
        <dd class="exact">{share(time(({ lostMs }) => lostMs))}</dd>
      </div>
      <div>
        <dt>{t('quality.suspended')}</dt>
        <dd class="exact" title={`${suspended}`}>
          {octets(`${suspended}`)}
        </dd>
      </div>
    </dl>
  );
}
