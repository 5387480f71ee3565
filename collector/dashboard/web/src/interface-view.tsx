// One interface: traffic in and out with its 95th percentile and the period before, errors, and what its usage is billed to.
import { useMemo } from 'preact/hooks';
import { Facts } from './device-view.tsx';
import { moment, rate, scaled } from './format.ts';
import { Graph } from './graph.tsx';
import type { UsageRecord } from './billing-types.ts';
import { Billing, useUsage } from './interface-billing.tsx';
import { Optics } from './interface-optics.tsx';
import { MARK_COLOURS, Marks } from './interface-marks.tsx';
import { Status } from './interfaces.tsx';
import { choose, hrefOf, type Place, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { marksOf } from './quality-marks.ts';
import { RangeChooser, zoomTo } from './range.tsx';
import { drawnOf, isKnown, seriesPath, type Wanted, wholeSeries } from './series.ts';
import { useReader } from './reader.ts';
import { type Span, spanName, spanQuery, useSpan } from './span.ts';
import type { InterfaceRow, Series } from './types.ts';
import { useAll, useAnswer } from './use-answer.ts';
import { t, type Word } from './words.ts';

const NO_USAGE: readonly UsageRecord[] = [];

interface Of {
  readonly device: string;
  readonly name: string;
}

export function InterfaceView({ device, name }: Of) {
  const { may } = useReader();
  const place = usePlace();
  const span = useSpan(place, '1d');
  const resource = `${device}/${name}`;
  const interfaces = useAll<InterfaceRow>(
    may.network ? `/api/v1/devices/${encodeURIComponent(device)}/interfaces` : null,
    6,
  );
  const usage = useUsage(device, name, span);
  const row = interfaces.data?.find(({ key }) => key === name) ?? null;
  return (
    <>
      <p class="trail">
        <a href={hrefOf(['devices'])}>{t('devices')}</a> /{' '}
        <a href={hrefOf(['devices', device])}>
          <bdi>{device}</bdi>
        </a>{' '}
        / <bdi>{name}</bdi>
      </p>
      <Problem text={interfaces.problem} />
      <Traffic resource={resource} span={span} place={place} usage={usage.data ?? NO_USAGE} />
      <div class="columns even">
        <Errors resource={resource} span={span} />
        <div class="stack">
          {row !== null && <Identity row={row} />}
          {may.network && <Billing device={device} name={name} usage={usage} />}
        </div>
      </div>
      {row !== null && <Optics id={row.id} span={span} />}
    </>
  );
}

function useSeries(resource: string, metric: string, span: Span, more: Record<string, string> = {}): Series | null {
  const query = { metric, resource, ...spanQuery(span), ...more };
  const subject = `${metric} ${resource} ${spanName(span)} ${JSON.stringify(more)}`;
  const every = span.range === '31d' || span.range === '7d' ? 15 : 2;
  return useAnswer<Series>(seriesPath(query), { subject, every, by: wholeSeries }).data;
}

const PREVIOUS = { '1h': '1d', '6h': '1d', '1d': '7d', '7d': '7d', '31d': 'span' } as const;

interface TrafficProps {
  readonly resource: string;
  readonly span: Span;
  readonly place: Place;
  readonly usage: readonly UsageRecord[];
}

function Traffic({ resource, span, place, usage }: TrafficProps) {
  const marks = useMemo(() => marksOf(usage).map((mark) => ({ ...mark, colour: MARK_COLOURS[mark.kind] })), [usage]);
  const overlay = place.query.get('previous') === '1';
  const previous: Record<string, string> = overlay
    ? { previous: span.range === null ? 'span' : PREVIOUS[span.range] }
    : {};
  const full = place.query.get('full') === '1';
  const wanted = { ...previous, ...(full ? { step_ms: String(fullStepMs(span)) } : {}) };
  const inward = useSeries(resource, 'in_bps', span, wanted);
  const outward = useSeries(resource, 'out_bps', span, wanted);
  const p95 = { in: useP95(resource, 'in_bps', span), out: useP95(resource, 'out_bps', span) };
  const drawn = useMemo(() => {
    const points = (inward?.points.length ?? 0) > 0 ? (inward?.points ?? []) : (outward?.points ?? []);
    const flat = (value: number | null): Series['points'] =>
      value === null ? [] : points.map((point) => ({ ...point, value, coverage: 1 }));
    const wanted: Wanted[] = [
      { label: t('in'), colour: '--in', points: inward?.points ?? [] },
      { label: t('out'), colour: '--out', points: outward?.points ?? [] },
      { label: t('p95.in'), colour: '--in', look: 'dashed', points: flat(p95.in) },
      { label: t('p95.out'), colour: '--out', look: 'dashed', points: flat(p95.out) },
    ];
    if (overlay)
      wanted.push(
        { label: t('previous.in'), colour: '--in', look: 'faint', points: inward?.previous?.points ?? [] },
        { label: t('previous.out'), colour: '--out', look: 'faint', points: outward?.previous?.points ?? [] },
      );
    return drawnOf(wanted);
  }, [inward, outward, p95.in, p95.out, overlay]);
  return (
    <section class="card" aria-label={t('traffic')}>
      <header>
        <h2>
          <bdi>{resource}</bdi>
        </h2>
        <span class="note">
          {inward !== null &&
            t('graph.steps', {
              step: scaledStep(inward.stepMs),
              tier: inward.tier === undefined ? t('graph.raw') : t(`graph.tier.${inward.tier}` as Word),
            })}
        </span>
      </header>
      <div class="tools">
        <RangeChooser span={span} />
        <Choice name="previous" word={'previous'} chosen={overlay} />
        <Choice name="full" word={'graph.full'} chosen={full} />
      </div>
      {inward !== null && !isKnown(drawn) && <p class="empty">{t('traffic.nothing')}</p>}
      <Graph
        label={t('traffic.label')}
        {...drawn}
        format={rate}
        least={1000}
        height={300}
        span={span}
        onZoom={zoomTo}
        marks={marks}
      />
      <Marks marks={marks} />
      <Statistics resource={resource} span={span} p95={p95} />
    </section>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly word: Word;
  readonly chosen: boolean;
}

function Choice({ name, word, chosen }: ChoiceProps) {
  return (
    <label>
      <input
        type="checkbox"
        checked={chosen}
        onChange={(event) => choose({ [name]: event.currentTarget.checked ? '1' : null })}
      />{' '}
      {t(word)}
    </label>
  );
}

/** What is kept: single polls of some days, and steps of five minutes before. */
function fullStepMs({ fromMs, toMs }: Span): number {
  const length = toMs - fromMs;
  return length > 7 * 86_400_000 ? 300_000 : length > 21_600_000 ? 60_000 : 5000;
}

function scaledStep(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}

/** Of the whole span in one step. */
function useWhole(resource: string, metric: string, span: Span, wanted: string): number | null {
  const step = Math.max(1000, Math.ceil((span.toMs - span.fromMs) / 1000) * 1000);
  const series = useSeries(resource, metric, span, { function: wanted, step_ms: String(step) });
  const known = (series?.points ?? []).filter(({ value }) => typeof value === 'number');
  const best = known.toSorted((one, other) => other.coverage - one.coverage)[0];
  return typeof best?.value === 'number' ? best.value : null;
}

function useP95(resource: string, metric: string, span: Span): number | null {
  return useWhole(resource, metric, span, 'p95');
}

interface StatisticsProps {
  readonly resource: string;
  readonly span: Span;
  readonly p95: { readonly in: number | null; readonly out: number | null };
}

function Statistics({ resource, span, p95 }: StatisticsProps) {
  const rows = (['in', 'out'] as const).map((way) => ({
    way,
    min: useWhole(resource, `${way}_bps`, span, 'min'),
    max: useWhole(resource, `${way}_bps`, span, 'max'),
    avg: useWhole(resource, `${way}_bps`, span, 'avg'),
    last: useWhole(resource, `${way}_bps`, span, 'last'),
    p95: p95[way],
  }));
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('statistics.list')}>
      <table class="statistics" aria-label={t('statistics')}>
        <thead>
          <tr>
            <th />
            {(['min', 'max', 'avg', 'last', 'p95'] as const).map((name) => (
              <th key={name} class="figure">
                {t(`stat.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ way, ...figures }) => (
            <tr key={way}>
              <th scope="row">{t(way)}</th>
              {Object.entries(figures).map(([name, value]) => (
                <td key={name} class="figure">
                  {rate(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const FAULTS = [
  ['in_errors', '--critical'],
  ['out_errors', '--major'],
  ['in_discards', '--minor'],
  ['out_discards', '--out'],
] as const;

function Errors({ resource, span }: { readonly resource: string; readonly span: Span }) {
  const found = FAULTS.map(([metric, colour]) => ({ metric, colour, series: useSeries(resource, metric, span) }));
  const drawn = useMemo(
    () =>
      drawnOf(
        found.map(({ metric, colour, series }) => ({
          label: t(`faults.${metric}`),
          colour,
          look: 'line' as const,
          points: series?.points ?? [],
        })),
      ),
    found.map(({ series }) => series),
  );
  return (
    <section class="card" aria-label={t('faults')}>
      <header>
        <h2>{t('faults')}</h2>
      </header>
      <Graph
        label={t('faults')}
        {...drawn}
        format={(value) => scaled(value, '/s')}
        height={180}
        least={0.1}
        span={span}
        onZoom={zoomTo}
      />
    </section>
  );
}

function Identity({ row }: { readonly row: InterfaceRow }) {
  return (
    <section class="card" aria-label={t('interface')}>
      <header>
        <h2>
          <bdi>{row.name}</bdi>
        </h2>
        <Status row={row} as="span" />
      </header>
      <Facts
        facts={[
          ['alias', row.alias],
          ['description', row.ifDescr],
          ['speed', row.speedBps === null ? null : rate(Number(row.speedBps))],
          ['mac', row.mac],
          ['mtu', row.mtu === null ? null : String(row.mtu)],
          ['ifIndex', row.ifIndex],
          ['meters', `${row.meters.in} / ${row.meters.out}`],
          ['firstSeen', moment(row.firstSeenAt)],
          ['lastSeen', moment(row.goneAt ?? row.lastSeenAt)],
        ]}
      />
    </section>
  );
}
