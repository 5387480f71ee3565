// Chooses the time that a view looks at; a span that was drawn can be left again.
import { choose } from './place.ts';
import { RANGES, type Span } from './span.ts';
import { moment } from './format.ts';
import { t } from './words.ts';

export function RangeChooser({ span }: { readonly span: Span }) {
  return (
    <div class="ranges" role="group" aria-label={t('range')}>
      {Object.keys(RANGES).map((range) => (
        <button
          key={range}
          type="button"
          aria-pressed={span.range === range}
          onClick={() => choose({ range, from: null, to: null })}
        >
          {range}
        </button>
      ))}
      {span.range === null && (
        <>
          <span class="note">
            {moment(new Date(span.fromMs).toISOString())} – {moment(new Date(span.toMs).toISOString())}
          </span>
          <button type="button" onClick={() => move(span, -1)} aria-label={t('range.earlier')}>
            ‹
          </button>
          <button type="button" onClick={() => move(span, 1)} aria-label={t('range.later')}>
            ›
          </button>
        </>
      )}
    </div>
  );
}

function move({ fromMs, toMs }: Span, way: 1 | -1): void {
  const step = ((toMs - fromMs) / 2) * way;
  zoomTo(fromMs + step, toMs + step);
}

export function zoomTo(fromMs: number, toMs: number): void {
  choose({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), range: null });
}
