// Chooses the time that a view looks at; a span that was drawn can be left again.
import { choose } from './place.ts';
import { RANGES, type Span } from './span.ts';
import { moved, stretched } from './span-moves.ts';
import { moment } from './format.ts';
import { t } from './words.ts';

export function RangeChooser({ span }: { readonly span: Span }) {
  return (
    <div class="ranges" role="group" aria-label={t('range')} dir="ltr">
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
        <span class="note">
          {moment(new Date(span.fromMs).toISOString())} – {moment(new Date(span.toMs).toISOString())}
        </span>
      )}
      <button type="button" onClick={() => move(span, -0.5)} aria-label={t('range.earlier')}>
        ‹
      </button>
      <button type="button" onClick={() => move(span, 0.5)} aria-label={t('range.later')}>
        ›
      </button>
      <button type="button" onClick={() => stretch(span, 2)} aria-label={t('range.longer')}>
        −
      </button>
      <button type="button" onClick={() => stretch(span, 0.5)} aria-label={t('range.shorter')}>
        +
      </button>
    </div>
  );
}

function move(span: Span, part: number): void {
  const { fromMs, toMs } = moved(span, part, Date.now());
  zoomTo(fromMs, toMs);
}

function stretch(span: Span, factor: number): void {
  const { fromMs, toMs } = stretched(span, factor, (span.fromMs + span.toMs) / 2, Date.now());
  zoomTo(fromMs, toMs);
}

export function zoomTo(fromMs: number, toMs: number): void {
  choose({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), range: null });
}
