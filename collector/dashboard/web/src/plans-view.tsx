// Price plans: every version with its validity and terms as the configuration states them, and what each would cost.
import { Calculator } from './calculator.tsx';
import { day } from './format.ts';
import { hrefOf, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import type { PricePlan } from './billing-types.ts';
import { useAll } from './use-answer.ts';
import { t } from './words.ts';

interface Item {
  readonly id: string;
  readonly name?: string;
  readonly kind: string;
  readonly [term: string]: unknown;
}

function itemsOf(terms: PricePlan['versions'][number]['terms']): readonly Item[] {
  const { items } = terms;
  return Array.isArray(items) ? (items as Item[]) : [];
}

function currencyOf(terms: PricePlan['versions'][number]['terms'] | undefined): string {
  const currency = terms?.['currency'];
  return typeof currency === 'string' ? currency : '';
}

export function PlansView() {
  const plans = useAll<PricePlan>('/billing/v1/price-plans', 10);
  const { query } = usePlace();
  const chosen = plans.data?.find(({ id }) => id === query.get('plan'));
  const version =
    chosen?.versions.find((one) => String(one.version) === query.get('version')) ??
    chosen?.versions.findLast(({ cancelled }) => !cancelled);
  return (
    <>
      {chosen !== undefined && version !== undefined && (
        <Calculator key={`${chosen.id} ${version.version}`} plan={chosen} version={version} />
      )}
      <section class="card" aria-label={t('nav.plans')}>
        <header>
          <h2>{t('nav.plans')}</h2>
          <span class="note">{t('plans.note')}</span>
        </header>
        <Problem text={plans.problem} old={plans.data !== null} />
        {plans.data === null && plans.problem === null && <p class="empty">{t('asking')}</p>}
        {plans.data?.length === 0 && <p class="empty">{t('none')}</p>}
        {(plans.data ?? []).map((plan) => (
          <Plan key={plan.id} plan={plan} />
        ))}
      </section>
    </>
  );
}

function Plan({ plan: { id, versions } }: { readonly plan: PricePlan }) {
  const newest = versions.at(-1);
  const name = newest?.terms['name'];
  return (
    <details class="plan">
      <summary>
        <strong>
          <bdi>{typeof name === 'string' ? name : id}</bdi>
        </strong>{' '}
        <span class="note">
          {currencyOf(newest?.terms)}, {t('plans.versions', { n: versions.length })}
        </span>
      </summary>
      {versions.toReversed().map((version) => (
        <div key={version.version} class={version.cancelled ? 'past' : ''}>
          <h3>
            {t('plans.version', { n: version.version, from: day(version.validFrom) })}
            {version.cancelled ? (
              ` ${t('plans.cancelled')}`
            ) : (
              <>
                {' '}
                <a href={hrefOf(['plans'], { plan: id, version: String(version.version) })}>{t('quote.title')}</a>
              </>
            )}
          </h3>
          {itemsOf(version.terms).map((item) => (
            <dl key={item.id} class="pairs">
              {Object.entries(item).map(([term, value]) => (
                <div key={term}>
                  <dt>{term}</dt>
                  <dd>
                    <bdi>
                      {typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value)}
                    </bdi>
                  </dd>
                </div>
              ))}
            </dl>
          ))}
        </div>
      ))}
    </details>
  );
}
