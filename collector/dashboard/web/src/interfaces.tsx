// The interfaces of one device, with what they carry now.
import { rate } from './format.ts';
import { hrefOf } from './place.ts';
import { Problem } from './problem.tsx';
import type { InterfaceRow, Latest, Page } from './types.ts';
import { type Answer, useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

interface InterfacesProps {
  readonly device: string;
  readonly chosen: string | null;
  readonly onResource: (resource: string) => void;
}

const SHOWN = 500;

function byResource(answer: Answer<Page<Latest>>): ReadonlyMap<string, number> {
  return new Map((answer.data?.items ?? []).map((item) => [item.resource, item.value]));
}

export function Interfaces({ device, chosen, onResource }: InterfacesProps) {
  const name = encodeURIComponent(device);
  const answer = useAnswer<Page<InterfaceRow>>(`/api/v1/devices/${name}/interfaces?limit=${SHOWN}`);
  const inward = byResource(useAnswer<Page<Latest>>(`/api/v1/series/latest?metric=in_bps&device=${name}`));
  const outward = byResource(useAnswer<Page<Latest>>(`/api/v1/series/latest?metric=out_bps&device=${name}`));
  const rows = answer.data?.items ?? [];
  return (
    <>
      <h3>
        <a href={hrefOf(['devices', device])}>{t('interfaces.of', { device })}</a>
      </h3>
      <Problem text={answer.problem} old={answer.data !== null} />
      {rows.length === 0 && answer.problem === null && (
        <p class="empty">{answer.data === null ? t('asking') : t('interfaces.none')}</p>
      )}
      {rows.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={t('interfaces.list')}>
          <table aria-label={t('interfaces.of', { device })}>
            <thead>
              <tr>
                <th>{t('interface')}</th>
                <th class="wide">{t('alias')}</th>
                <th>{t('state')}</th>
                <th class="figure">{t('in')}</th>
                <th class="figure">{t('out')}</th>
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

interface StatusProps {
  readonly row: Pick<InterfaceRow, 'goneAt' | 'adminStatus' | 'operStatus'>;
  readonly as?: 'td' | 'span';
}

export function Status({ row, as: Tag = 'td' }: StatusProps) {
  if (row.goneAt !== null) return <Tag class="note">{t('gone')}</Tag>;
  if (row.adminStatus === 'down') return <Tag class="note">{t('shut')}</Tag>;
  return (
    <Tag class={row.operStatus === 'up' ? 'state-up' : 'state-down'}>
      {row.operStatus === null ? '–' : said('state', row.operStatus)}
    </Tag>
  );
}
