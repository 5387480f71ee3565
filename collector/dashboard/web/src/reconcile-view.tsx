// Usage against counters, charges against usage, bills against charges, computed anew for a span: zero is the only good answer.
import { ask as askServer } from './api.ts';
import type { Reconciliation } from './billing-types.ts';
import { Field } from './field.tsx';
import { exactInteger, moment, octets } from './format.ts';
import { choose, placeNow, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';
import { t } from './words.ts';

const DAY_MS = 86_400_000;

interface Difference {
  readonly of: string;
  readonly what: string;
  readonly kind: string;
  readonly expected: string;
  readonly found: string;
}

/** From yesterday through today where nothing is chosen. */
function spanOf(query: URLSearchParams): { readonly from: string; readonly to: string } {
  const day = (back: number): string => new Date(Date.now() - back * DAY_MS).toISOString().slice(0, 10);
  return { from: query.get('from') ?? day(1), to: query.get('to') ?? day(0) };
}

export function ReconcileCard() {
  const { from, to } = spanOf(usePlace().query);
  const { found, problem, asking, ask } = useAsked(() => {
    const span = spanOf(placeNow().query);
    const end = new Date(Date.parse(span.to) + DAY_MS);
    const query = new URLSearchParams({ from: `${span.from}T00:00:00Z`, to: end.toISOString() }).toString();
    return askServer<Reconciliation>(`/billing/v1/reconciliation?${query}`);
  });
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
          void ask();
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
      {/* An old proof is none while another is made, or could not be. */}
      {found !== null && !asking && problem === null && <Outcome found={found} />}
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
