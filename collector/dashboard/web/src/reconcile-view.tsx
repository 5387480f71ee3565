// Usage against counters, charges against usage, bills against charges, computed anew for a span: zero is the only good answer.
import { useState } from 'preact/hooks';
import { ask } from './api.ts';
import type { Reconciliation } from './billing-types.ts';
import { Field } from './field.tsx';
import { exactInteger, moment, octets } from './format.ts';
import { choose, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { Table } from './table.tsx';
import { t } from './words.ts';

const DAY_MS = 86_400_000;

interface Difference {
  readonly of: string;
  readonly what: string;
  readonly kind: string;
  readonly expected: string;
  readonly found: string;
}

export function ReconcileCard() {
  const { query } = usePlace();
  const today = new Date().toISOString().slice(0, 10);
  const from = query.get('from') ?? new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
  const to = query.get('to') ?? today;
  const [found, setFound] = useState<Reconciliation | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const reconcile = async (): Promise<void> => {
    setAsking(true);
    setFound(null);
    const end = new Date(Date.parse(to) + DAY_MS);
    const span = new URLSearchParams({ from: `${from}T00:00:00Z`, to: end.toISOString() }).toString();
    try {
      setFound(await ask<Reconciliation>(`/billing/v1/reconciliation?${span}`));
      setProblem(null);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setAsking(false);
    }
  };
  return (
    <section class="card" aria-label={t('reconcile')}>
      <header>
        <h2>{t('reconcile')}</h2>
        <span class="note">{t('reconcile.note')}</span>
      </header>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void reconcile();
        }}
      >
        <Field
          label={t('maintenance.from')}
          type="date"
          value={from}
          onValue={(day) => choose({ from: day })}
          required
        />
        <Field label={t('reconcile.to')} type="date" value={to} onValue={(day) => choose({ to: day })} required />
        <div class="actions">
          <button type="submit" class="main" disabled={asking}>
            {asking ? t('reconcile.asking') : t('reconcile.do')}
          </button>
        </div>
      </form>
      <Problem text={problem} />
      {found !== null && <Outcome found={found} />}
    </section>
  );
}

function Outcome({ found }: { readonly found: Reconciliation }) {
  const { usage, charges, bills, differences } = found;
  const rated = BigInt(usage.octets.good) + BigInt(usage.octets.wrapped) + BigInt(usage.octets.gap);
  return (
    <div role="status">
      <p class={`total ${differences === 0 ? 'state-up' : 'state-down'}`}>{t('reconcile.found', { n: differences })}</p>
      <ul class="facts">
        <li>
          {t('reconcile.usage', {
            readings: exactInteger(String(usage.readings)),
            records: exactInteger(String(usage.records)),
          })}{' '}
          <span title={`${rated}`}>{octets(`${rated}`)}</span>
        </li>
        <li>{t('reconcile.charges', { charges: exactInteger(String(charges.charges)) })}</li>
        <li>{t('reconcile.bills', { bills: bills.bills, lines: bills.lines })}</li>
      </ul>
      {differences > 0 && <Differences rows={rowsOf(found)} />}
    </div>
  );
}

/** All three in one list, told apart by what they are of. */
function rowsOf({ usage, charges, bills }: Reconciliation): readonly Difference[] {
  return [
    ...usage.differences.map(({ device, interfaceKey, direction, at, ...rest }) => ({
      ...rest,
      of: t('tile.usage'),
      what: `${device}/${interfaceKey} ${direction}, ${moment(at)}`,
    })),
    ...charges.differences.map(({ service, item, windowStart, charge, ...rest }) => ({
      ...rest,
      of: t('charges'),
      what: `${service} ${item}, ${moment(windowStart)}${charge === null ? '' : `, ${charge}`}`,
    })),
    ...bills.differences.map(({ bill, line, charge, ...rest }) => ({
      ...rest,
      of: t('bills'),
      what: [bill, line, charge].filter((part) => part !== null).join(', '),
    })),
  ];
}

function Differences({ rows }: { readonly rows: readonly Difference[] }) {
  return (
    <Table
      name={t('reconcile.differences')}
      rows={rows}
      keyOf={({ of, what, kind }) => `${of} ${what} ${kind}`}
      empty={null}
      columns={[
        { id: 'of', title: t('maintenance.of'), value: ({ of }) => of },
        { id: 'what', title: t('subject'), value: ({ what }) => what },
        { id: 'kind', title: t('what'), value: ({ kind }) => kind.replaceAll('_', ' ') },
        { id: 'expected', title: t('reconcile.expected'), value: ({ expected }) => expected, kind: 'figure' },
        { id: 'found', title: t('reconcile.is'), value: ({ found }) => found, kind: 'figure' },
      ]}
    />
  );
}
