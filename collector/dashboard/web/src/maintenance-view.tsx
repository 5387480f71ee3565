// Maintenance windows: what is in force, what comes, and a form for the next one.
import { Listed } from './device-parts.tsx';
import { moment } from './format.ts';
import { NewWindow, RuleText } from './maintenance-form.tsx';
import type { Rule } from './next-occurrences.ts';
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
  readonly recurrence: Rule | null;
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
      {recurrence !== null && <RuleText rule={recurrence} />}
    </>
  );
}
