// What an alarm hits and what is folded under it, and who was told of it, or why not.
import { hrefOf, hrefOfResource } from './place.ts';
import { moment, readable } from './format.ts';
import { useReader } from './reader.ts';
import { Badge } from './severity.tsx';
import type { AlarmWithHistory, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

interface Problem {
  readonly id: string;
  readonly settled: boolean;
  readonly reason: string;
  readonly symptomCount: number;
  readonly symptoms: readonly { readonly id: string; readonly resource: string; readonly severity: string }[];
  readonly affectedServices:
    | readonly {
        readonly id: string;
        readonly name: string;
        readonly customer: { readonly id: string; readonly name: string };
      }[]
    | null;
  readonly revenueAtRisk:
    | readonly { readonly currency: string; readonly month: string; readonly hour: string }[]
    | null;
}

interface Told {
  readonly channel: string;
  readonly state: string;
  readonly text: string;
  readonly toldAt: string | null;
}

/** Of an alarm that is a symptom, its cause; of a cause, its symptoms and whom they hit. */
export function AlarmProblem({ alarm }: { readonly alarm: AlarmWithHistory }) {
  const path = alarm.isCleared || alarm.rootAlarm !== null ? null : `/api/v1/problems/${encodeURIComponent(alarm.id)}`;
  const { data } = useAnswer<Problem>(path, { every: 2 });
  if (alarm.rootAlarm !== null) return <Cause alarm={alarm} root={alarm.rootAlarm} />;
  if (data === null) return null;
  return (
    <section class="card" aria-label={t('problem.impact')}>
      <header>
        <h2>{t('problem.impact')}</h2>
        <span class="note">
          {!data.settled && `${t('problem.unsettled')} `}
          <bdi>{data.reason}</bdi>
        </span>
      </header>
      <Impact problem={data} />
      {data.symptoms.length > 0 && <h3>{t('problem.symptoms', { n: data.symptomCount })}</h3>}
      <ul class="facts">
        {data.symptoms.map(({ id, resource, severity }) => (
          <li key={id}>
            <Badge severity={severity} cleared={false} />{' '}
            <a href={hrefOf(['alarms', id])}>
              <bdi>{resource}</bdi>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What it is a symptom of, and the way there. */
function Cause({ alarm, root }: { readonly alarm: AlarmWithHistory; readonly root: string }) {
  const { may } = useReader();
  const { data } = useAnswer<AlarmWithHistory>(`/api/v1/alarms/${encodeURIComponent(root)}`, { every: 2 });
  return (
    <section class="card" aria-label={t('problem.cause')}>
      <header>
        <h2>{t('problem.cause')}</h2>
      </header>
      <p>
        {data !== null && <Badge severity={data.severity} cleared={data.isCleared} />}{' '}
        <a href={hrefOf(['alarms', root])}>
          {data === null ? t('problem.symptomOf', { id: root }) : <bdi>{readable(data.text)}</bdi>}
        </a>
      </p>
      {may.network && alarm.device !== null && data !== null && data.device !== null && (
        <p>
          <a class="door" href={hrefOf(['map'], { from: alarm.device, to: data.device })}>
            {t('problem.wayOnMap')}
          </a>
        </p>
      )}
    </section>
  );
}

function Impact({ problem: { affectedServices, revenueAtRisk } }: { readonly problem: Problem }) {
  if (affectedServices === null) return null;
  if (affectedServices.length === 0) return <p class="note">{t('problem.nobody')}</p>;
  return (
    <>
      {(revenueAtRisk ?? []).map(({ currency, month, hour }) => (
        <p key={currency} class="total">
          {t('problem.revenue', { month, hour, currency })}
        </p>
      ))}
      <ul class="facts">
        {affectedServices.map(({ id, name, customer }) => (
          <li key={id}>
            <a href={hrefOf(['usage', customer.id])}>
              <bdi>{customer.name}</bdi>
            </a>
            : <bdi>{name}</bdi>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Of each channel, what it was told, or why it was not. */
export function AlarmTold({ id }: { readonly id: string }) {
  const { may } = useReader();
  const { data } = useAnswer<Page<Told>>(may.network ? `/api/v1/alarms/${encodeURIComponent(id)}/told` : null, {
    every: 3,
  });
  if (data === null) return null;
  return (
    <section class="card" aria-label={t('told')}>
      <header>
        <h2>{t('told')}</h2>
      </header>
      {data.items.length === 0 && <p class="empty">{t('told.nobody')}</p>}
      <ul class="facts">
        {data.items.map(({ channel, state, text, toldAt }) => (
          <li key={channel}>
            <strong>
              <bdi>{channel}</bdi>
            </strong>{' '}
            {said('state', state)} {toldAt !== null && <span class="note">{moment(toldAt)}</span>}
            <div class="note">
              <bdi>{text}</bdi>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Where it is handled elsewhere, and by whom. */
export function Handling({ alarm }: { readonly alarm: AlarmWithHistory }) {
  const { may } = useReader();
  const { assignedTo, ticket, ticketUrl, escalationLevel, escalationReason } = alarm;
  const safe = ticketUrl !== null && /^https?:\/\//.test(ticketUrl);
  return (
    <p class="note">
      {assignedTo !== null && (
        <>
          {t('alarm.assignedTo')} <bdi>{assignedTo}</bdi>{' '}
        </>
      )}
      {ticket !== null && (
        <>
          {t('alarm.ticket')}{' '}
          {safe ? (
            <a href={ticketUrl} rel="noreferrer">
              <bdi>{ticket}</bdi>
            </a>
          ) : (
            <bdi>{ticket}</bdi>
          )}{' '}
        </>
      )}
      {escalationLevel > 0 && (
        <>
          {t('alarm.escalated', { n: escalationLevel })} <bdi>{escalationReason}</bdi>
        </>
      )}
      {may.network && alarm.device !== null && (
        <>
          <a class="door" href={hrefOfResource(alarm.device)}>
            {t('alarm.toDevice')}
          </a>{' '}
          <a class="door" href={hrefOf(['map'], { to: alarm.device })}>
            {t('alarm.toMap')}
          </a>
        </>
      )}
    </p>
  );
}
