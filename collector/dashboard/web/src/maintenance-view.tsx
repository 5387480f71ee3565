// Maintenance windows: what is in force, what comes, and a form for the next one.
import { useState } from 'preact/hooks';
import { Listed } from './device-parts.tsx';
import { moment } from './format.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { useAll } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { t } from './words.ts';

interface MaintenanceWindow {
  readonly id: string;
  readonly version: number;
  readonly devices: readonly string[];
  readonly sites: readonly string[];
  readonly tags: readonly string[];
  readonly services: readonly string[];
  readonly resources: readonly string[];
  readonly recurrence: { readonly zone: string; readonly start: string; readonly durationMinutes: number } | null;
  readonly reason: string;
  readonly upgrade: boolean;
  readonly by: string;
  readonly inForce: { readonly from: string; readonly to: string } | null;
  readonly next: { readonly from: string; readonly to: string } | null;
}

export function MaintenanceView() {
  const { may } = useReader();
  const windows = useAll<MaintenanceWindow>('/api/v1/maintenance-windows', 3);
  const { problem, send } = useDeed();
  const end = ({ id, version }: MaintenanceWindow) =>
    send('DELETE', `/api/v1/maintenance-windows/${encodeURIComponent(id)}?version=${version}`);
  return (
    <section class="card" aria-label={t('nav.maintenance')}>
      <header>
        <h2>{t('nav.maintenance')}</h2>
        <span class="note">{t('maintenance.note')}</span>
      </header>
      <Problem text={problem} />
      {may.operate && <NewWindow onMake={(body) => send('POST', '/api/v1/maintenance-windows', body)} />}
      <Listed
        answer={windows}
        name={t('nav.maintenance')}
        keyOf={({ id }) => id}
        columns={[
          { id: 'of', title: t('maintenance.of'), value: subjectOf },
          {
            id: 'when',
            title: t('when'),
            value: ({ inForce, next }) => inForce?.from ?? next?.from ?? null,
            cell: (one) => <When one={one} />,
          },
          { id: 'reason', title: t('reason'), value: ({ reason }) => reason },
          { id: 'by', title: t('who'), value: ({ by }) => by, kind: 'wide' },
          {
            id: 'end',
            title: '',
            value: () => null,
            cell: (one) =>
              may.operate && (one.inForce !== null || one.next !== null) ? (
                <button type="button" class="row" onClick={() => void end(one)}>
                  {t('maintenance.end')}
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

function subjectOf({ devices, sites, tags, services, resources }: MaintenanceWindow): string {
  return [...sites, ...devices, ...tags.map((tag) => `#${tag}`), ...services, ...resources].join(', ');
}

function When({ one: { inForce, next, recurrence } }: { readonly one: MaintenanceWindow }) {
  const span = inForce ?? next;
  if (span === null) return <span class="note">{t('maintenance.over')}</span>;
  return (
    <>
      {inForce !== null && <strong class="state-doubt">{t('maintenance.now')} </strong>}
      {moment(span.from)} – {moment(span.to)}
      {recurrence !== null && <div class="note">{t('maintenance.again', { zone: recurrence.zone })}</div>}
    </>
  );
}

/** As the browser's field for a time wants it: local, without a zone. */
function local(ms: number): string {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 16);
}

function NewWindow({ onMake }: { readonly onMake: (body: object) => Promise<unknown> }) {
  const [kind, setKind] = useState<'devices' | 'sites'>('devices');
  const [names, setNames] = useState('');
  const [from, setFrom] = useState(() => local(Date.now()));
  const [to, setTo] = useState(() => local(Date.now() + 7_200_000));
  const [reason, setReason] = useState('');
  const [upgrade, setUpgrade] = useState(false);
  return (
    <form
      class="tools"
      onSubmit={(event) => {
        event.preventDefault();
        void onMake({
          [kind]: names.split(/[\s,]+/).filter(Boolean),
          from: new Date(from).toISOString(),
          to: new Date(to).toISOString(),
          reason,
          upgrade,
        });
      }}
    >
      <select
        aria-label={t('maintenance.of')}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value === 'sites' ? 'sites' : 'devices')}
      >
        <option value="devices">{t('devices')}</option>
        <option value="sites">{t('nav.sites')}</option>
      </select>
      <input
        type="text"
        required
        value={names}
        placeholder={t('name')}
        aria-label={t('maintenance.names')}
        onInput={(event) => setNames(event.currentTarget.value)}
      />
      <input
        type="datetime-local"
        required
        value={from}
        aria-label={t('maintenance.from')}
        onInput={(event) => setFrom(event.currentTarget.value)}
      />
      <input
        type="datetime-local"
        required
        value={to}
        aria-label={t('maintenance.to')}
        onInput={(event) => setTo(event.currentTarget.value)}
      />
      <input
        type="text"
        required
        value={reason}
        placeholder={t('reason')}
        aria-label={t('reason')}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      <label>
        <input type="checkbox" checked={upgrade} onChange={(event) => setUpgrade(event.currentTarget.checked)} />{' '}
        {t('maintenance.upgrade')}
      </label>
      <button type="submit">{t('maintenance.make')}</button>
    </form>
  );
}
