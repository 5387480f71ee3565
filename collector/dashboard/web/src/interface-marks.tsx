// What the marks along the top of a graph say, in words: when the usage of the interface was not simply known.
import { moment } from './format.ts';
import { type MarkedSpan, QUALITY_MARKS, type QualityMark } from './quality-marks.ts';
import { t } from './words.ts';

export const MARK_COLOURS: Readonly<Record<QualityMark, string>> = {
  gap: '--minor',
  lost: '--critical',
  suspended: '--water',
};
/** Of each kind; the API has all of them. */
const SHOWN = 5;

export function Marks({ marks }: { readonly marks: readonly MarkedSpan[] }) {
  if (marks.length === 0) return null;
  return (
    <dl class="marks" aria-label={t('marks')}>
      {QUALITY_MARKS.map((kind) => {
        const own = marks.filter((mark) => mark.kind === kind);
        if (own.length === 0) return null;
        // The last ones, which are those that a person asks about.
        const spans = own.slice(-SHOWN).map(({ fromMs, toMs }) => `${written(fromMs)} – ${written(toMs)}`);
        return (
          <div key={kind}>
            <dt>
              <span class={`mark ${kind}`} aria-hidden="true" /> {t(`quality.${kind}`)}
            </dt>
            <dd>
              <bdi>{spans.join(', ')}</bdi>
              {own.length > SHOWN && ` ${t('money.andMore', { n: own.length - SHOWN })}`}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function written(atMs: number): string {
  return moment(new Date(atMs).toISOString());
}
