// What flows into and out of the network: now, and over the last day.
import { useMemo } from 'preact/hooks';
import { rate } from './format.ts';
import { Graph } from './graph.tsx';
import { Problem } from './problem.tsx';
import { drawnOf, isKnown } from './series.ts';
import type { NetworkTraffic } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { t } from './words.ts';

const HOUR_MS = 3_600_000;

export function EdgeTraffic() {
  const traffic = useAnswer<NetworkTraffic>('/api/v1/traffic', { every: 3 });
  const { data } = traffic;
  const drawn = useMemo(() => {
    const points = knownOf(data?.day ?? null);
    const line = (way: 'inBps' | 'outBps') => points.map((point) => ({ ...point, value: point[way] }));
    return drawnOf([
      { label: t('in'), colour: '--in', points: line('inBps') },
      { label: t('out'), colour: '--out', points: line('outBps') },
    ]);
  }, [data]);
  return (
    <section class="card" aria-label={t('edge')}>
      <header>
        <h2>{t('edge')}</h2>
        <span class="note">
          {data === null ? '' : t('edge.note', { ports: data.ports })}
          {data?.cut === true && ` ${t('edge.cut')}`}
        </span>
      </header>
      <Problem text={traffic.problem} old={data !== null} />
      <dl class="flow">
        <Way word={t('in')} look="in" bps={data?.inBps ?? null} />
        <Way word={t('out')} look="out" bps={data?.outBps ?? null} />
      </dl>
      {data !== null && data.known < data.ports && (
        <p class="note state-doubt">{t('edge.unknown', { n: data.ports - data.known })}</p>
      )}
      {isKnown(drawn) && <Graph label={t('edge.day')} {...drawn} format={rate} least={1000} height={200} />}
      {data !== null && !isKnown(drawn) && <p class="empty">{t('edge.wait')}</p>}
    </section>
  );
}

interface WayProps {
  readonly word: string;
  readonly look: 'in' | 'out';
  readonly bps: number | null;
}

function Way({ word, look, bps }: WayProps) {
  return (
    <div class={look}>
      <dt>{word}</dt>
      <dd dir="ltr">{rate(bps)}</dd>
    </div>
  );
}

/** Without the time before anything was known, so that the first hours are not a line at the edge. */
function knownOf(day: NetworkTraffic['day'] | null): NetworkTraffic['day']['points'] {
  if (day === null) return [];
  const first = day.points.findIndex(({ inBps, outBps }) => inBps !== null || outBps !== null);
  if (first < 0) return [];
  const least = Math.ceil(HOUR_MS / day.stepMs);
  return day.points.slice(Math.max(0, Math.min(first, day.points.length - least)));
}
