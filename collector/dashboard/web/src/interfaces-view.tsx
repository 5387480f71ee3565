// Interfaces of all devices: where each is, how it is, what it carries, and whether it earns money. What is asked for stands in the address.
import { useMemo } from 'preact/hooks';
import { percent, rate } from './format.ts';
import { Status } from './interfaces.tsx';
import { choose, hrefOf, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { type Column, Table } from './table.tsx';
import type { ListedInterface, Page, Site } from './types.ts';
import { MOST_ROWS, useAll, useAnswer } from './use-answer.ts';
import { said, t } from './words.ts';

const STATES = ['there', 'up', 'down', 'shut', 'gone'] as const;
const ASSIGNMENTS = ['billed', 'infrastructure', 'unassigned'] as const;
const LEVELS = ['1', '10', '50', '80', '95'] as const;
/** Rounds of two seconds: of thousands nobody reads every change. */
const EVERY = 8;

export function InterfacesView() {
  const { query } = usePlace();
  const asked = new URLSearchParams();
  for (const name of ['site', 'device', 'state', 'assignment', 'utilisation']) {
    const value = query.get(name);
    if (value !== null && value !== '') asked.set(name, value);
  }
  const interfaces = useAll<ListedInterface>(`/api/v1/interfaces?${asked.toString()}`, EVERY);
  const rows = interfaces.data ?? [];
  const { may } = useReader();
  const columns = useMemo(() => columnsOf(may.customers), [may.customers]);
  return (
    <section class="card" aria-label={t('interfaces')}>
      <header>
        <h2>{t('interfaces')}</h2>
        <span class="note">{t('interfaces.note')}</span>
      </header>
      <Problem text={interfaces.problem} old={interfaces.data !== null} />
      <Filters query={query} />
      {rows.length >= MOST_ROWS && <p class="note">{t('interfaces.cut', { n: MOST_ROWS })}</p>}
      <Table
        name={t('interfaces')}
        rows={rows}
        columns={columns}
        keyOf={({ id }) => String(id)}
        empty={interfaces.data === null ? null : t('interfaces.nothing')}
      />
    </section>
  );
}

function Filters({ query }: { readonly query: URLSearchParams }) {
  const sites = useAnswer<Page<Site>>('/api/v1/sites?limit=1000', { every: 30 });
  const names = (sites.data?.items ?? []).flatMap(({ site }) => (site === '' ? [] : [site]));
  const device = query.get('device');
  return (
    <div class="tools">
      <Choice
        label={t('site')}
        name="site"
        chosen={query.get('site')}
        any={t('map.allSites')}
        choices={names.map((site) => [site, site])}
      />
      <Choice
        label={t('state')}
        name="state"
        chosen={query.get('state') ?? 'there'}
        choices={STATES.map((state) => [state, said('state', state)])}
      />
      <Choice
        label={t('interface.billing')}
        name="assignment"
        chosen={query.get('assignment')}
        any={t('interfaces.anyAssignment')}
        choices={ASSIGNMENTS.map((one) => [one, said('state', one)])}
      />
      <Choice
        label={t('utilisation')}
        name="utilisation"
        chosen={query.get('utilisation')}
        any={t('interfaces.anyUtilisation')}
        choices={LEVELS.map((level) => [level, t('interfaces.atLeast', { n: level })])}
      />
      {device !== null && (
        <button type="button" onClick={() => choose({ device: null })}>
          <bdi>{device}</bdi> ×
        </button>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly chosen: string | null;
  readonly any?: string;
  readonly choices: readonly (readonly [value: string, word: string])[];
}

function Choice({ label, name, chosen, any, choices }: ChoiceProps) {
  // What the address asks for is shown, also where it is none of the usual ones.
  const known = chosen === null || chosen === '' || choices.some(([value]) => value === chosen);
  const all = known ? choices : [...choices, [chosen, chosen] as const];
  return (
    <select
      aria-label={label}
      value={chosen ?? ''}
      onChange={(event) => choose({ [name]: event.currentTarget.value || null })}
    >
      {any !== undefined && <option value="">{any}</option>}
      {all.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </select>
  );
}

function columnsOf(customers: boolean): readonly Column<ListedInterface>[] {
  return [
    {
      id: 'device',
      title: t('device'),
      value: ({ device }) => device,
      cell: ({ device }) => (
        <a href={hrefOf(['devices', device])}>
          <bdi>{device}</bdi>
        </a>
      ),
      kind: 'wide short',
    },
    {
      id: 'name',
      title: t('interface'),
      value: ({ name }) => name,
      cell: ({ device, key, name }) => (
        <a href={hrefOf(['interfaces', device, key])} title={`${device}/${key}`}>
          <span class="of-device">
            <bdi>{device}</bdi>{' '}
          </span>
          <bdi>{name}</bdi>
        </a>
      ),
    },
    { id: 'alias', title: t('alias'), value: ({ alias }) => alias, kind: 'wide' },
    { id: 'site', title: t('site'), value: ({ site }) => site, kind: 'wide short' },
    {
      id: 'status',
      title: t('state'),
      value: (row) => (row.goneAt !== null ? t('gone') : row.adminStatus === 'down' ? t('shut') : row.operStatus),
      cell: (row) => <Status row={row} as="span" />,
    },
    {
      id: 'speed',
      title: t('speed'),
      value: ({ speedBps }) => (speedBps === null ? null : Number(speedBps)),
      cell: ({ speedBps }) => rate(speedBps === null ? null : Number(speedBps)),
      kind: 'wide figure',
    },
    { id: 'in', title: t('in'), value: ({ inBps }) => inBps, cell: ({ inBps }) => rate(inBps), kind: 'wide figure' },
    {
      id: 'out',
      title: t('out'),
      value: ({ outBps }) => outBps,
      cell: ({ outBps }) => rate(outBps),
      kind: 'wide figure',
    },
    {
      id: 'full',
      title: t('utilisation'),
      value: ({ utilisation }) => utilisation,
      cell: ({ utilisation }) => percent(utilisation),
      kind: 'figure',
    },
    {
      id: 'bills',
      title: t('interfaces.assignment'),
      value: ({ assignment, service, reason }) =>
        [said('state', assignment), service ?? reason ?? ''].filter(Boolean).join(': '),
      cell: (row) => <Assigned row={row} customers={customers} />,
      kind: 'wide',
    },
  ];
}

function Assigned({ row, customers }: { readonly row: ListedInterface; readonly customers: boolean }) {
  const { assignment, service, customer, reason } = row;
  if (assignment === 'unassigned') return <span class="note">{said('state', assignment)}</span>;
  if (assignment === 'infrastructure')
    return (
      <span title={said('state', assignment)}>
        {said('state', assignment)}: <bdi>{reason}</bdi>
      </span>
    );
  if (service === null || customer === null || !customers) return <>{said('state', assignment)}</>;
  return (
    <a href={hrefOf(['usage', customer])}>
      <bdi>{service}</bdi>
    </a>
  );
}
