// A bill with its lines; a line leads to its charges, those to usage records, those to the raw readings (law 6).
import { useState } from 'preact/hooks';
import { day, exactInteger, moment, octets, time } from './format.ts';
import { MessagesCard } from './messages-card.tsx';
import { PaymentsCard } from './payments-card.tsx';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import type { BillLine, BillWithLines, Evidence } from './billing-types.ts';
import type { Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

export function BillView({ id }: { readonly id: string }) {
  const answer = useAnswer<BillWithLines>(`/billing/v1/bills/${encodeURIComponent(id)}`, { every: 10 });
  const bill = answer.data;
  return (
    <>
      <p class="trail">
        <a href={hrefOf(['usage'])}>{t('nav.usage')}</a> /{' '}
        {bill !== null && (
          <>
            <a href={hrefOf(['usage', bill.customer])}>
              <bdi>{bill.customerName}</bdi>
            </a>{' '}
            /{' '}
          </>
        )}
        <bdi>{id}</bdi>
      </p>
      <Problem text={answer.problem} old={bill !== null} />
      {bill !== null && (
        <section class="card" aria-label={t('bill')}>
          <header>
            <h2>
              {t('bill')} <bdi>{bill.id}</bdi>
            </h2>
            {bill.watermark !== null && <span class="watermark">{bill.watermark}</span>}
            <span class="note">
              {said('state', bill.state)}, {day(bill.period.from, bill.period.zone)} –{' '}
              {day(bill.period.to, bill.period.zone)} ({bill.period.zone}), {t('bill.issued')}{' '}
              {day(bill.issuedAt, bill.period.zone)}
            </span>
          </header>
          <p class="total">
            {bill.total} {bill.currency}
          </p>
          <LinesTable lines={bill.lines} currency={bill.currency} bill={bill.id} />
        </section>
      )}
      {bill !== null && <PaymentsCard bill={bill} />}
      {bill !== null && <MessagesCard of={`subject=${encodeURIComponent(bill.id)}`} title={t('messages')} />}
    </>
  );
}

interface LinesProps {
  readonly lines: readonly BillLine[];
  readonly currency: string;
  /** Null for a preview, whose lines have no evidence yet. */
  readonly bill: string | null;
}

export function LinesTable({ lines, currency, bill }: LinesProps) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <table class="lines" aria-label={t('bill.lines')}>
      <thead>
        <tr>
          <th>{t('service')}</th>
          <th>{t('bill.item')}</th>
          <th class="figure wide">{t('bill.quantity')}</th>
          <th class="figure">{t('bill.amount')}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line, place) => {
          const key = `${line.line ?? place}`;
          return (
            <>
              <tr key={key} class={open === key ? 'chosen' : ''}>
                <td class="name">
                  <button
                    type="button"
                    class="row"
                    aria-expanded={open === key}
                    onClick={() => setOpen(open === key ? null : key)}
                  >
                    <bdi>{line.service}</bdi>
                  </button>
                </td>
                <td class="name">
                  <bdi>{line.itemName}</bdi>
                </td>
                <td class="figure wide">
                  {line.quantity} {line.unit}
                </td>
                <td class="figure" title={line.exactAmount}>
                  {line.amount} {currency}
                </td>
              </tr>
              {open === key && (
                <tr key={`${key} working`}>
                  <td colSpan={4}>
                    <WorkingOf working={line.working} currency={currency} exact={line.exactAmount} />
                    {bill !== null && line.line !== undefined && <LineEvidence bill={bill} line={line.line} />}
                  </td>
                </tr>
              )}
            </>
          );
        })}
      </tbody>
    </table>
  );
}

interface Step {
  readonly what: string;
  readonly quantity?: string;
  readonly price?: string;
  readonly amount?: string;
}

function stepsOf(working: unknown): readonly Step[] {
  if (typeof working !== 'object' || working === null || !('steps' in working)) return [];
  return Array.isArray(working.steps) ? (working.steps as Step[]) : [];
}

interface WorkingProps {
  readonly working: unknown;
  readonly currency: string;
  readonly exact: string;
}

/** How the sum came about, step by step. */
export function WorkingOf({ working, currency, exact }: WorkingProps) {
  return (
    <div class="chain">
      <div class="what">{t('bill.working')}</div>
      {stepsOf(working).map((step) => (
        <div key={step.what + step.quantity} class="exact">
          <bdi>{step.what}</bdi>: {[step.quantity, step.price].filter(Boolean).join(' × ')} = {step.amount} {currency}
        </div>
      ))}
      <div class="exact">
        {t('bill.exact')} {exact} {currency}
      </div>
    </div>
  );
}

function LineEvidence({ bill, line }: { readonly bill: string; readonly line: number }) {
  const path = `/billing/v1/bills/${encodeURIComponent(bill)}/lines/${line}/evidence?limit=3&records=20`;
  const answer = useAnswer<Page<Evidence>>(path, { every: 1000 });
  return (
    <>
      <Problem text={answer.problem} />
      {answer.data === null && answer.problem === null && <p class="note">{t('asking')}</p>}
      {(answer.data?.items ?? []).map((evidence) => (
        <ChargeEvidence key={evidence.charge} evidence={evidence} />
      ))}
      {answer.data?.next != null && <p class="note">{t('evidence.more')}</p>}
    </>
  );
}

export function ChargeEvidence({ evidence }: { readonly evidence: Evidence }) {
  return (
    <details class="chain">
      <summary>{t('evidence.charge', { id: evidence.charge })}</summary>
      {evidence.usage.map((meter) => (
        <details key={meter.meter}>
          <summary>
            <bdi>{`${meter.device ?? ''}/${meter.interfaceKey ?? ''} ${meter.direction ?? ''}`}</bdi>{' '}
            {t('chain.meter', { id: meter.meter })}, {t('evidence.records', { n: meter.recordsInAll })}
          </summary>
          <ul>
            {meter.records.map((record) => (
              <li key={`${record.bucketStart} ${record.version}`}>
                <div class="what">
                  {t('chain.usage', { from: moment(record.bucketStart), version: record.version })}
                </div>
                <div class="exact" title={record.octets.good}>
                  {octets(`${BigInt(record.octets.good) + BigInt(record.octets.wrapped) + BigInt(record.octets.gap)}`)}
                </div>
              </li>
            ))}
            {(meter.readings ?? []).map((reading) => (
              <li key={String(reading['observedAt'])} class="reading">
                <div class="what">
                  {t('chain.reading', {
                    at: time(String(reading['observedAt'])),
                    sequence: reading['sequence'] ?? '?',
                    agent: reading['agent'] ?? '?',
                  })}
                </div>
                <div class="exact">{t('chain.counter', { value: exactInteger(String(reading['value'])) })}</div>
              </li>
            ))}
          </ul>
          {meter.readingsProblem !== undefined && <p class="note">{meter.readingsProblem}</p>}
        </details>
      ))}
    </details>
  );
}
