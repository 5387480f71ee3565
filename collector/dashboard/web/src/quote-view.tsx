// Quotes as they are read: the sum, each line with its working, and what changes against the contract as it is.
import { WorkingOf } from './bill-view.tsx';
import type { Quote, QuoteAnswer } from './billing-types.ts';
import { difference, sum } from './decimal.ts';
import { day } from './format.ts';
import { hrefOf } from './place.ts';
import { Table } from './table.tsx';
import { t } from './words.ts';

export function QuoteLines({ quote }: { readonly quote: QuoteAnswer }) {
  const { before, total, currency, lines, period } = quote;
  return (
    <>
      <p class="total">
        {total} {currency}
      </p>
      <p class="note">
        {period.name} ({day(period.from, period.zone)} – {day(period.to, period.zone)}, {period.zone})
      </p>
      {before !== null && <Change quote={quote} before={before} />}
      {lines.map((line) => (
        <div key={line.item} class="quoted">
          <h3>
            <bdi>{line.itemName}</bdi>: {line.amount} {currency}{' '}
            <span class="note">
              {line.quantity} {line.unit}
            </span>
          </h3>
          <WorkingOf working={line.working} currency={currency} exact={line.exactAmount} />
        </div>
      ))}
    </>
  );
}

function Change({ quote, before }: { readonly quote: Quote; readonly before: Quote }) {
  const change = difference(quote.total, before.total);
  return (
    <p>
      {t('quote.before', { total: `${before.total} ${before.currency}`, plan: before.plan, version: before.version })}{' '}
      {change !== null && before.currency === quote.currency && <strong>{signed(change, quote.currency)}</strong>}
    </p>
  );
}

function signed(change: string, currency: string): string {
  return `${change.startsWith('-') ? '' : '+'}${change} ${currency}`;
}

interface Row {
  readonly service: string;
  readonly quote: QuoteAnswer;
}

export function ChangeTable({ answers }: { readonly answers: readonly Row[] }) {
  const currency = answers[0]?.quote.currency ?? '';
  const after = sum(answers.map(({ quote }) => quote.total));
  const before = sum(answers.map(({ quote }) => quote.before?.total ?? '0'));
  const changeOf = ({ quote }: Row): string => difference(quote.total, quote.before?.total ?? '0') ?? '0';
  return (
    <>
      <p class="total">{signed(difference(after, before) ?? '0', currency)}</p>
      <p class="note">{t('quote.sums', { before: `${before} ${currency}`, after: `${after} ${currency}` })}</p>
      <Table
        id="quote"
        name={t('quote.changes')}
        rows={answers}
        keyOf={({ service }) => service}
        empty={null}
        columns={[
          {
            id: 'service',
            title: t('service'),
            value: ({ service }) => service,
            cell: ({ service }) => (
              <a href={hrefOf(['plans'], { plan: answers[0]?.quote.plan ?? null, of: service })}>
                <bdi>{service}</bdi>
              </a>
            ),
          },
          { id: 'period', title: t('period'), value: ({ quote }) => quote.period.name, kind: 'wide' },
          amount('before', t('before'), ({ quote }) => quote.before?.total ?? '0', currency),
          amount('after', t('after'), ({ quote }) => quote.total, currency),
          amount('change', t('quote.change.column'), changeOf, currency),
        ]}
      />
    </>
  );
}

/** Sorted as a number, shown and exported as it is. */
function amount(id: string, title: string, value: (row: Row) => string, currency: string) {
  return {
    id,
    title,
    value: (row: Row) => Number(value(row)),
    cell: (row: Row) => `${value(row)} ${currency}`,
    kind: 'figure' as const,
  };
}
