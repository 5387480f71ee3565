// The interfaces of one device, with what they carry now.
import { rate } from './format.ts';
import { Problem } from './problem.tsx';
import type { InterfaceRow, Latest, Page } from './types.ts';
import { type Answer, useAnswer } from './use-answer.ts';

interface InterfacesProps {
  readonly device: string;
  readonly round: number;
  readonly chosen: string | null;
  readonly onResource: (resource: string) => void;
}

const SHOWN = 500;

function byResource(answer: Answer<Page<Latest>>): ReadonlyMap<string, number> {
  return new Map((answer.data?.items ?? []).map((item) => [item.resource, item.value]));
}

export function Interfaces({ device, round, chosen, onResource }: InterfacesProps) {
  const name = encodeURIComponent(device);
  const answer = useAnswer<Page<InterfaceRow>>(`/api/v1/devices/${name}/interfaces?limit=${SHOWN}`, round);
  const inward = byResource(useAnswer<Page<Latest>>(`/api/v1/series/latest?metric=in_bps&device=${name}`, round));
  const outward = byResource(useAnswer<Page<Latest>>(`/api/v1/series/latest?metric=out_bps&device=${name}`, round));
  const rows = answer.data?.items ?? [];
  return (
    <>
      <h3>Interfaces of {device}</h3>
      <Problem text={answer.problem} old={answer.data !== null} />
      {rows.length === 0 && answer.problem === null && (
        <p class="empty">{answer.data === null ? 'Asking…' : 'None has been seen.'}</p>
      )}
      {rows.length > 0 && (
        <div class="scroll">
          <table aria-label={`Interfaces of ${device}`}>
            <thead>
              <tr>
                <th>Interface</th>
                <th class="wide">Alias</th>
                <th>State</th>
                <th class="figure">In</th>
                <th class="figure">Out</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id} class={chosen === row.resource ? 'chosen' : ''}>
                  <td>
                    <button type="button" class="row" onClick={() => onResource(row.resource)}>
                      {row.name}
                    </button>
                  </td>
                  <td class="wide name">{row.alias ?? ''}</td>
                  <Status row={row} />
                  <td class="figure">{rate(inward.get(row.resource) ?? null)}</td>
                  <td class="figure">{rate(outward.get(row.resource) ?? null)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Status({ row }: { readonly row: InterfaceRow }) {
  if (row.goneAt !== null) return <td class="note">gone</td>;
  if (row.adminStatus === 'down') return <td class="note">shut</td>;
  return <td class={row.operStatus === 'up' ? 'state-up' : 'state-down'}>{row.operStatus ?? '–'}</td>;
}
