// What is wrong now, and what was wrong a moment ago.
import { time } from './format.ts';
import type { Alarm, Page } from './types.ts';
import { useAnswer } from './use-answer.ts';

const SHOWN = 30;

export function Alarms({ round }: { readonly round: number }) {
  const active = useAnswer<Page<Alarm>>(`/api/v1/alarms?state=active&limit=${SHOWN}`, round);
  const cleared = useAnswer<Page<Alarm>>(`/api/v1/alarms?state=cleared&limit=${SHOWN}`, round);
  const problem = active.problem ?? cleared.problem;
  const rows = [...(active.data?.items ?? []), ...(cleared.data?.items ?? [])];
  return (
    <section class="card" aria-label="Alarms">
      <header>
        <h2>Alarms</h2>
        <span class="note">active first, then cleared</span>
      </header>
      {problem !== null && <p class="problem">{problem}</p>}
      {rows.length === 0 ? (
        <p class="empty">{active.data === null ? 'Asking…' : 'No alarm has been raised yet.'}</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Severity</th>
                <th>Resource</th>
                <th>What</th>
                <th class="figure">Changed</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((alarm) => (
                <tr key={alarm.id}>
                  <td>
                    <span class={`severity ${alarm.isCleared ? 'cleared' : alarm.severity}`}>
                      {alarm.isCleared ? 'cleared' : alarm.severity}
                    </span>
                  </td>
                  <td>{alarm.resource}</td>
                  <td>{alarm.text}</td>
                  <td class="figure">{time(alarm.changedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
