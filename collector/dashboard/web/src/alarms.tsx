// What is wrong now, and what was wrong a moment ago.
import { moment } from './format.ts';
import { Problem } from './problem.tsx';
import type { Alarm, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';

const SHOWN = 30;

export function Alarms({ round }: { readonly round: number }) {
  const active = useAnswer<Page<Alarm>>(`/api/v1/alarms?state=active&limit=${SHOWN}`, round);
  const cleared = useAnswer<Page<Alarm>>(`/api/v1/alarms?state=cleared&limit=${SHOWN}`, round);
  const rows = [...(active.data?.items ?? []), ...(cleared.data?.items ?? [])];
  const asked = active.data !== null && cleared.data !== null;
  const problem = active.problem ?? cleared.problem;
  const more = active.data?.next != null || cleared.data?.next != null;
  return (
    <section class="card" aria-label="Alarms">
      <header>
        <h2>Alarms</h2>
        <span class="note">raised ones first, then cleared ones, the last changed on top</span>
      </header>
      <Problem text={problem} old={asked} />
      {rows.length === 0 && (asked || problem === null) && (
        <p class="empty">{asked ? 'No alarm has been raised yet.' : 'Asking…'}</p>
      )}
      {rows.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>State</th>
                <th class="wide">Resource</th>
                <th>What</th>
                <th class="figure">Changed</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((alarm) => (
                <Row key={alarm.id} alarm={alarm} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more && <p class="note">Only the last {SHOWN} of each are shown; the API has all of them.</p>}
    </section>
  );
}

function Row({ alarm }: { readonly alarm: Alarm }) {
  const { isCleared, severity, operatorState, operator, maintenance } = alarm;
  return (
    <tr class={isCleared ? 'past' : ''}>
      <td>
        <span class={`badge ${isCleared ? 'cleared' : severity}`}>{isCleared ? 'cleared' : severity}</span>
        {operatorState !== 'none' && (
          <div class="note">{operatorState === 'ack' ? `seen by ${operator ?? '?'}` : 'closed'}</div>
        )}
        {!isCleared && maintenance && <div class="note">in maintenance until {moment(maintenance.until)}</div>}
      </td>
      <td class="name wide">{alarm.resource}</td>
      <td class="name">{alarm.text}</td>
      <td class="figure" title={`raised ${alarm.raisedAt}`}>
        {moment(alarm.changedAt)}
      </td>
    </tr>
  );
}
