// Corrective actions of an alarm: a dry run first, then the approval with its reason; and what became of each.
import { useState } from 'preact/hooks';
import { moment } from './format.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { useAnswer } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { said, t } from './words.ts';

interface Available {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly targets: readonly string[];
}

interface Done {
  readonly id: string;
  readonly title: string;
  readonly target: string;
  readonly state: string;
  readonly message: string;
  readonly policy: string | null;
  readonly requestedBy: string;
  readonly reason: string;
  readonly createdAt: string;
}

interface DryRun {
  readonly allowed: boolean;
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly target: string | null;
  readonly steps: readonly {
    readonly set: readonly { readonly oid: string; readonly value: string; readonly present: string | null }[];
    readonly pauseMs: number;
  }[];
  readonly webhook: string | null;
  readonly agent: { readonly message: string } | null;
}

interface Tried {
  readonly recipe: Available;
  readonly target: string;
  /** Of the approval that may follow: pressed twice it is one action. */
  readonly key: string;
  readonly run: DryRun;
}

export function AlarmCure({ id }: { readonly id: string }) {
  const { may } = useReader();
  const place = `/api/v1/alarms/${encodeURIComponent(id)}/actions`;
  const { data } = useAnswer<{ readonly items: readonly Done[]; readonly available: readonly Available[] }>(
    may.network ? place : null,
  );
  const { problem, send } = useDeed();
  const [tried, setTried] = useState<Tried | null>(null);
  if (data === null || (data.items.length === 0 && (data.available.length === 0 || !may.operate))) return null;
  const dryRun = async (recipe: Available, target: string): Promise<void> => {
    const named = target === '' ? {} : { target };
    const run = await send<DryRun>('POST', place, { action: recipe.name, ...named, dry_run: true });
    setTried(run === null ? null : { recipe, target, key: randomKey(), run });
  };
  const approve = async ({ recipe, target, key }: Tried, text: string): Promise<void> => {
    const named = target === '' ? {} : { target };
    if ((await send('POST', place, { action: recipe.name, ...named, key, text })) !== null) setTried(null);
  };
  return (
    <section class="card" aria-label={t('cure')}>
      <header>
        <h2>{t('cure')}</h2>
        <span class="note">{t('cure.note')}</span>
      </header>
      <Problem text={problem} />
      {may.operate && data.available.map((one) => <Offer key={one.name} recipe={one} onTry={dryRun} />)}
      {tried !== null && (
        <Approval tried={tried} onApprove={(text) => void approve(tried, text)} onLeave={() => setTried(null)} />
      )}
      <ul class="facts">
        {data.items.map((one) => (
          <li key={one.id}>
            <strong>{one.title}</strong> <bdi>{one.target}</bdi> {said('state', one.state)}{' '}
            <span class="note">
              {moment(one.createdAt)} <bdi>{one.policy ?? one.requestedBy}</bdi>
            </span>
            <div class="note">
              <bdi dir="ltr">{one.message === '' ? one.reason : one.message}</bdi>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Also where the page is not served over TLS. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, '0')).join('');
}

interface OfferProps {
  readonly recipe: Available;
  readonly onTry: (recipe: Available, target: string) => Promise<void>;
}

/** Where one target is known it is that; of several one is chosen. */
function Offer({ recipe, onTry }: OfferProps) {
  const [first = ''] = recipe.targets;
  const [chosen, setChosen] = useState<string | null>(null);
  const target = chosen ?? first;
  return (
    <div class="tools" title={recipe.description}>
      <button type="button" onClick={() => void onTry(recipe, target)}>
        {recipe.title}
      </button>
      {recipe.targets.length > 1 && (
        <select aria-label={t('cure.target')} value={target} onChange={(event) => setChosen(event.currentTarget.value)}>
          {recipe.targets.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

interface ApprovalProps {
  readonly tried: Tried;
  readonly onApprove: (text: string) => void;
  readonly onLeave: () => void;
}

function Approval({ tried: { recipe, run }, onApprove, onLeave }: ApprovalProps) {
  const [text, setText] = useState('');
  return (
    <form
      class="card"
      aria-label={t('cure.dryRun')}
      onSubmit={(event) => {
        event.preventDefault();
        onApprove(text);
      }}
    >
      <h3>
        {t('cure.dryRun')}: {recipe.title} <bdi>{run.target}</bdi>
      </h3>
      <p>{t(run.allowed ? 'cure.allowed' : 'cure.refused')}</p>
      <ul class="facts">
        {[...run.reasons, ...run.warnings].map((one) => (
          <li key={one}>
            <bdi dir="ltr">{one}</bdi>
          </li>
        ))}
        {run.steps.flatMap(({ set, pauseMs }, at) =>
          set.map(({ oid, value, present }) => (
            <li key={`${at} ${oid}`}>
              <bdi dir="ltr">
                {oid}: {present ?? '?'} → {value}
                {pauseMs > 0 && `, ${pauseMs / 1000} s`}
              </bdi>
            </li>
          )),
        )}
      </ul>
      {run.agent !== null && (
        <p class="note">
          <bdi dir="ltr">{run.agent.message}</bdi>
        </p>
      )}
      <div class="tools">
        {run.allowed && (
          <>
            <input
              required
              maxLength={1000}
              aria-label={t('reason')}
              placeholder={t('reason')}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
            <button type="submit">{t('cure.approve')}</button>
          </>
        )}
        <button type="button" onClick={onLeave}>
          {t('cure.leave')}
        </button>
      </div>
    </form>
  );
}
