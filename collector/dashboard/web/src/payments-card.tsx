// What came in for a bill: what is still open, each payment, a new one, and the reversal of one that did not come after all.
import { useState } from 'preact/hooks';
import type { BillWithLines, Payment } from './billing-types.ts';
import { DeedForm } from './deed-form.tsx';
import { Field } from './field.tsx';
import { useReader } from './reader.ts';
import { requestId } from './request-id.ts';
import { Table } from './table.tsx';
import { useDeed } from './use-deed.ts';
import { said, t } from './words.ts';

type Form = { readonly open: 'payment' } | { readonly open: 'reversal'; readonly payment: Payment } | null;

export function PaymentsCard({ bill }: { readonly bill: BillWithLines }) {
  const { may } = useReader();
  const [form, setForm] = useState<Form>(null);
  const { due, paid, open, overpaid } = bill.settlement;
  const reversed = new Set(bill.payments.filter(({ kind }) => kind === 'reversal').map(({ other }) => other));
  const mayReverse = (payment: Payment): boolean =>
    may.sums && payment.kind !== 'reversal' && !reversed.has(payment.id);
  return (
    <section class="card" aria-label={t('payments')}>
      <header>
        <h2>{t('payments')}</h2>
        <span class="note">
          {t('payments.state', { due, paid, open, currency: bill.currency })}
          {/[1-9]/.test(overpaid) && ` ${t('payments.overpaid', { overpaid, currency: bill.currency })}`}
        </span>
        {may.sums && bill.category === 'normal' && form === null && (
          <button type="button" class="row" onClick={() => setForm({ open: 'payment' })}>
            {t('payments.add')}
          </button>
        )}
      </header>
      {form?.open === 'payment' && <AddPayment bill={bill} onDone={() => setForm(null)} />}
      {form?.open === 'reversal' && (
        <Reverse key={form.payment.id} payment={form.payment} onDone={() => setForm(null)} />
      )}
      <Table
        rows={bill.payments}
        empty={t('none')}
        id="payments"
        name={t('payments')}
        keyOf={({ id }) => id}
        classOf={({ id }) => (reversed.has(id) ? 'past' : '')}
        columns={[
          { id: 'date', title: t('payments.date'), value: ({ date }) => date },
          { id: 'kind', title: t('payments.kind'), value: ({ kind }) => said('kind', kind) },
          {
            id: 'amount',
            title: t('bill.amount'),
            value: ({ amount }) => Number(amount),
            cell: ({ amount, currency }) => `${amount} ${currency}`,
            kind: 'figure',
          },
          { id: 'reference', title: t('payments.reference'), value: ({ reference }) => reference, kind: 'wide' },
          { id: 'by', title: t('who'), value: ({ by }) => by, kind: 'wide' },
          {
            id: 'reverse',
            title: '',
            value: () => null,
            cell: (payment) =>
              mayReverse(payment) ? (
                <button
                  type="button"
                  class="row"
                  aria-label={`${t('payments.reverse')}: ${payment.date} ${payment.amount}`}
                  onClick={() => setForm({ open: 'reversal', payment })}
                >
                  {t('payments.reverse')}
                </button>
              ) : (
                ''
              ),
          },
        ]}
      />
    </section>
  );
}

interface FormProps {
  readonly onDone: () => void;
}

function AddPayment({ bill, onDone }: FormProps & { readonly bill: BillWithLines }) {
  const { problem, send } = useDeed();
  const [request] = useState(requestId);
  const [kind, setKind] = useState('payment');
  const [amount, setAmount] = useState(/[1-9]/.test(bill.settlement.open) ? bill.settlement.open : '');
  const [date, setDate] = useState('');
  const [reference, setReference] = useState('');
  const [from, setFrom] = useState('');
  const record = async (): Promise<void> => {
    const other = kind === 'transfer' ? { from } : {};
    const body = { request, amount: amount.trim(), date, reference, kind, ...other };
    if ((await send('POST', `/billing/v1/bills/${encodeURIComponent(bill.id)}/payments`, body)) !== null) onDone();
  };
  const kinds = (['payment', 'refund', 'transfer'] as const).map((one) => [one, said('kind', one)] as const);
  return (
    <DeedForm deed={t('payments.record')} problem={problem} onDeed={record} onCancel={onDone}>
      <Field label={t('payments.kind')} value={kind} onValue={setKind} choices={kinds} />
      <Field label={t('bill.amount')} value={amount} onValue={setAmount} required />
      <Field label={t('payments.date')} value={date} onValue={setDate} type="date" required />
      <Field label={t('payments.reference')} value={reference} onValue={setReference} />
      {kind === 'transfer' && <Field label={t('payments.from')} value={from} onValue={setFrom} required />}
    </DeedForm>
  );
}

function Reverse({ payment, onDone }: FormProps & { readonly payment: Payment }) {
  const { problem, send } = useDeed();
  const [reason, setReason] = useState('');
  const reverse = async (): Promise<void> => {
    const path = `/billing/v1/payments/${encodeURIComponent(payment.id)}/reversal`;
    if ((await send('POST', path, { reason })) !== null) onDone();
  };
  return (
    <DeedForm deed={t('payments.reverse')} problem={problem} onDeed={reverse} onCancel={onDone}>
      <p class="whole">{t('payments.ask', { amount: `${payment.amount} ${payment.currency}`, date: payment.date })}</p>
      <Field label={t('reason')} value={reason} onValue={setReason} required />
    </DeedForm>
  );
}
