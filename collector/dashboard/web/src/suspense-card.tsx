// Usage that is held back, and the decision on it: what is believed after all is mediated and rated again, and who said so is kept.
import { useState } from 'preact/hooks';
import type { Released, Suspense } from './billing-types.ts';
import { Listed } from './device-parts.tsx';
import { DeedForm } from './deed-form.tsx';
import { Field } from './field.tsx';
import { ago, moment, octets } from './format.ts';
import { hrefOf } from './place.ts';
import { useReader } from './reader.ts';
import type { Column } from './table.tsx';
import { useAll } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { said, t } from './words.ts';

const keyOf = ({ meter, from, reason }: Suspense): string => `${meter} ${from} ${reason}`;

export function SuspenseCard() {
  const { may } = useReader();
  const suspense = useAll<Suspense>('/billing/v1/suspense', 10);
  const [chosen, setChosen] = useState<Suspense | null>(null);
  return (
    <section class="card" aria-label={t('suspense')}>
      <header>
        <h2>{t('suspense')}</h2>
        <span class="note">{t('suspense.note')}</span>
      </header>
      {chosen !== null && <Release key={keyOf(chosen)} held={chosen} onDone={() => setChosen(null)} />}
      <Listed
        answer={suspense}
        id="held"
        name={t('suspense')}
        keyOf={keyOf}
        classOf={(one) => (chosen !== null && keyOf(one) === keyOf(chosen) ? 'chosen' : '')}
        columns={columns(may.sums, setChosen)}
      />
      <ReleasedOnes />
    </section>
  );
}

function columns(mayRelease: boolean, onChoose: (one: Suspense) => void): readonly Column<Suspense>[] {
  return [
    {
      id: 'port',
      title: t('interface'),
      value: ({ device, interfaceKey, direction }) => `${device}/${interfaceKey} ${direction}`,
      cell: ({ device, interfaceKey, direction }) => (
        <>
          <a href={hrefOf(['interfaces', device, interfaceKey])}>
            <bdi>{`${device}/${interfaceKey}`}</bdi>
          </a>{' '}
          {said('kind', direction)}
        </>
      ),
    },
    { id: 'reason', title: t('reason'), value: ({ reason }) => said('kind', reason) },
    {
      id: 'from',
      title: t('when'),
      value: ({ from }) => from,
      cell: ({ from, to }) => `${moment(from)} – ${moment(to)}`,
      kind: 'wide',
    },
    {
      id: 'octets',
      title: t('octets'),
      value: ({ octets: held }) => held,
      cell: ({ octets: held }) => (held === null ? '?' : <span title={held}>{octets(held)}</span>),
      kind: 'figure',
    },
    {
      id: 'worth',
      title: t('suspense.worth'),
      value: ({ estimatedValue }) => (estimatedValue === null ? null : Number(estimatedValue.amount)),
      cell: ({ estimatedValue }) =>
        estimatedValue === null ? '–' : `${estimatedValue.amount} ${estimatedValue.currency}`,
      kind: 'wide figure',
    },
    {
      id: 'release',
      title: '',
      value: () => null,
      cell: (one) =>
        mayRelease && one.reason === 'implausible' ? (
          <button type="button" class="row" onClick={() => onChoose(one)}>
            {t('suspense.release')}
          </button>
        ) : (
          ''
        ),
    },
  ];
}

function Release({ held, onDone }: { readonly held: Suspense; readonly onDone: () => void }) {
  const { problem, send } = useDeed();
  const [reason, setReason] = useState('');
  const release = async (): Promise<void> => {
    const { meter, to } = held;
    if ((await send('POST', '/billing/v1/suspense/release', { meter, to, reason })) !== null) onDone();
  };
  return (
    <DeedForm deed={t('suspense.release')} problem={problem} onDeed={release} onCancel={onDone}>
      <p class="whole">
        {t('suspense.ask', { octets: octets(held.octets ?? '0'), port: `${held.device}/${held.interfaceKey}` })}
      </p>
      <Field label={t('reason')} value={reason} onValue={setReason} required />
    </DeedForm>
  );
}

function ReleasedOnes() {
  const released = useAll<Released>('/billing/v1/suspense/released', 10);
  if ((released.data?.length ?? 0) === 0) return null;
  return (
    <details>
      <summary>{t('suspense.released', { n: released.data?.length ?? 0 })}</summary>
      <ul class="timeline">
        {(released.data ?? []).map(({ meter, device, interfaceKey, octets: held, reason, by, at }) => (
          <li key={`${meter} ${at}`}>
            <bdi>{`${device}/${interfaceKey}`}</bdi>: {octets(held)}, <bdi>{by}</bdi>, {ago(at, Date.now())}:{' '}
            <bdi>{reason}</bdi>
          </li>
        ))}
      </ul>
    </details>
  );
}
