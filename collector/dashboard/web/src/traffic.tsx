// The graph of one interface; until one is chosen, of the busiest.
import { useMemo } from 'preact/hooks';
import { Graph } from './graph.tsx';
import { rate } from './format.ts';
import { useRound } from './live.ts';
import { hrefOfResource } from './place.ts';
import { Problem } from './problem.tsx';
import { type Drawn, drawnOf, isKnown, seriesPath } from './series.ts';
import type { Page, Series, Top } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

const WINDOW_MS = 15 * 60_000;
/** Shown while nothing older is known, so that the first minutes are not a line at the edge. */
const SHORT_WINDOW_MS = 5 * 60_000;
const BUSIEST = 6;

interface TrafficProps {
  readonly resource: string | null;
  readonly onResource: (resource: string) => void;
}

function span(): Record<'from' | 'to', string> {
  const to = Date.now();
  return { from: new Date(to - WINDOW_MS).toISOString(), to: new Date(to).toISOString() };
}

/** The short window where all that is known fits into it. */
function latest(data: Drawn, nowMs: number): { readonly data: Drawn; readonly minutes: number } {
  const first = data.at.findIndex((_, place) => data.lines.some(({ values }) => values[place] != null));
  const from = (nowMs - SHORT_WINDOW_MS) / 1000;
  const recent = data.at.findIndex((at) => at >= from);
  if (first < 0 || recent < 0 || first < recent) return { data, minutes: WINDOW_MS / 60_000 };
  const lines = data.lines.map((line) => ({ ...line, values: line.values.slice(recent) }));
  return { data: { at: data.at.slice(recent), lines }, minutes: SHORT_WINDOW_MS / 60_000 };
}

export function Traffic({ resource, onResource }: TrafficProps) {
  const round = useRound();
  // A new span in each round: the path is what is asked, the subject what it is about.
  const topPath = useMemo(
    () => `/api/v1/series/top?${new URLSearchParams({ metric: 'in_bps', limit: `${BUSIEST}`, ...span() }).toString()}`,
    [round],
  );
  const busiest = useAnswer<Page<Top>>(topPath, { subject: 'busiest' });
  const items = busiest.data?.items ?? [];
  const shown = resource ?? items[0]?.resource ?? null;
  const path = (metric: string) =>
    shown === null ? null : seriesPath({ metric, resource: shown, ...span(), function: 'rate' });
  const paths = useMemo(() => [path('in_bps'), path('out_bps')] as const, [shown, round]);
  const inward = useAnswer<Series>(paths[0], { subject: shown });
  const outward = useAnswer<Series>(paths[1], { subject: shown });
  const { data, minutes } = useMemo(() => {
    const drawn = drawnOf([
      { label: t('in'), colour: '--in', points: inward.data?.points ?? [] },
      { label: t('out'), colour: '--out', points: outward.data?.points ?? [] },
    ]);
    return latest(drawn, Date.now());
  }, [inward.data, outward.data]);
  const problem = inward.problem ?? outward.problem ?? busiest.problem;
  return (
    <section class="card" aria-label={t('traffic')}>
      <header>
        <h2>{shown === null ? t('traffic') : <a href={hrefOfResource(shown)}>{shown}</a>}</h2>
        <span class="note">
          {t('traffic.note', { minutes, step: inward.data === null ? '…' : `${inward.data.stepMs / 1000} s` })}
        </span>
      </header>
      <Problem text={problem} old={inward.data !== null} />
      {!isKnown(data) && problem === null && <p class="empty">{waitingFor(shown, inward.data)}</p>}
      <Graph label={t('traffic.label')} {...data} format={rate} least={1000} />
      {items.length > 0 && (
        <p class="note busiest">
          {t('traffic.busiest')}
          {items.map((item) => (
            <button key={item.resource} type="button" class="row" onClick={() => onResource(item.resource)}>
              {item.resource} <span class="note">{rate(item.value)}</span>
            </button>
          ))}
        </p>
      )}
    </section>
  );
}

function waitingFor(shown: string | null, series: Series | null): string {
  if (shown === null) return t('traffic.wait');
  return series === null ? t('asking') : t('traffic.nothing');
}
