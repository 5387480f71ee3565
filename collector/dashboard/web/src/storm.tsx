// Says that alarms come faster than a person reads them: since when, how many, and under which causes most of them are folded. It goes by itself.
import { hrefOf } from './place.ts';
import { moment, readable } from './format.ts';
import { Badge } from './severity.tsx';
import type { Overview } from './types.ts';
import { t } from './words.ts';

export function StormBanner({ storm }: { readonly storm: Overview['storm'] }) {
  if (storm === null) return null;
  const { since, raised, raisedLately, counted, folded, roots } = storm;
  return (
    <section class="storm" role="alert" aria-label={t('storm')}>
      <strong>{t('storm')}</strong>{' '}
      {t('storm.what', {
        since: moment(since),
        n: counted ? raised : `> ${raised}`,
        lately: raisedLately,
      })}{' '}
      {folded === 0 ? t('storm.unfolded') : t('storm.folded', { folded, rest: Math.max(0, raised - folded) })}
      {roots.length > 0 && (
        <ul class="facts">
          {roots.map(({ id, resource, text, severity, isCleared, symptoms }) => (
            <li key={id}>
              <Badge severity={severity} cleared={isCleared} />{' '}
              <a href={hrefOf(['alarms', id])} title={resource}>
                <bdi>{readable(text)}</bdi>
              </a>{' '}
              <span class="note">{t('alarm.symptoms', { n: symptoms })}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
