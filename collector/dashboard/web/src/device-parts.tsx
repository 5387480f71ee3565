// The lists of one device: its interfaces, modules, neighbours, what changed of it and what it told.
import { moment, rate } from './format.ts';
import { Status } from './interfaces.tsx';
import { hrefOf, hrefOfResource } from './place.ts';
import { Problem } from './problem.tsx';
import { type Column, Table } from './table.tsx';
import type { Change, InterfaceRow, KeptEvent, Latest, Page, Part } from './types.ts';
import { type Answer, useAll, useAnswer } from './use-answer.ts';
import { said, t, type Word } from './words.ts';

interface Of {
  readonly device: string;
}

function values(answer: Answer<Page<Latest>>): ReadonlyMap<string, number> {
  return new Map((answer.data?.items ?? []).map(({ resource, value }) => [resource, value]));
}

export function InterfacesTable({ device }: Of) {
  const name = encodeURIComponent(device);
  const interfaces = useAll<InterfaceRow>(`/api/v1/devices/${name}/interfaces`, 3);
  const inward = values(useAnswer<Page<Latest>>(`/api/v1/series/latest?metric=in_bps&device=${name}`));
  const outward = values(useAnswer<Page<Latest>>(`/api/v1/series/latest?metric=out_bps&device=${name}`));
  const columns: readonly Column<InterfaceRow>[] = [
    {
      id: 'name',
      title: t('interface'),
      value: (row) => row.name,
      cell: (row) => (
        <a href={hrefOf(['interfaces', device, row.key])}>
          <bdi>{row.name}</bdi>
        </a>
      ),
    },
    { id: 'alias', title: t('alias'), value: ({ alias }) => alias, kind: 'wide' },
    {
      id: 'state',
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
    figure('in', t('in'), inward),
    figure('out', t('out'), outward),
    { id: 'mac', title: t('mac'), value: ({ mac }) => mac, kind: 'wide' },
    { id: 'index', title: 'ifIndex', value: ({ ifIndex }) => Number(ifIndex), kind: 'wide figure' },
  ];
  return (
    <Listed
      answer={interfaces}
      name={t('interfaces.of', { device })}
      columns={columns}
      keyOf={({ id }) => String(id)}
    />
  );
}

function figure(id: string, title: string, known: ReadonlyMap<string, number>): Column<InterfaceRow> {
  const value = ({ resource }: InterfaceRow) => known.get(resource) ?? null;
  return { id, title, value, cell: (row) => rate(value(row)), kind: 'figure' };
}

export function ModulesTable({ device }: Of) {
  const modules = useAll<Part>(`/api/v1/devices/${encodeURIComponent(device)}/modules`, 6);
  const columns = ['name', 'description', 'class', 'model', 'serial', 'hardware', 'firmware', 'software'] as const;
  return (
    <Listed
      answer={modules}
      name={t('tab.modules')}
      columns={[
        ...columns.map(
          (id): Column<Part> => ({
            id,
            title: t(id),
            value: (part) => part[id] ?? null,
            ...(id === 'name' || id === 'serial' ? {} : { kind: 'wide' as const }),
          }),
        ),
        goneColumn,
      ]}
      keyOf={({ key }) => key}
      classOf={({ goneAt }) => (goneAt === null ? '' : 'past')}
    />
  );
}

const goneColumn: Column<Part> = {
  id: 'gone',
  title: '',
  value: ({ goneAt }) => goneAt,
  cell: ({ goneAt }) => (goneAt === null ? '' : t('goneAt', { at: moment(goneAt) })),
  kind: 'wide',
};

export function NeighboursTable({ device }: Of) {
  const neighbours = useAll<Part>(`/api/v1/devices/${encodeURIComponent(device)}/neighbours`, 6);
  const fact = (id: string, word: Word): Column<Part> => ({ id, title: t(word), value: (part) => part[id] ?? null });
  return (
    <Listed
      answer={neighbours}
      name={t('tab.neighbours')}
      columns={[
        {
          ...fact('localInterface', 'interface'),
          cell: ({ localInterface }) =>
            typeof localInterface === 'string' ? (
              <a href={hrefOf(['interfaces', device, localInterface])}>
                <bdi>{localInterface}</bdi>
              </a>
            ) : (
              '–'
            ),
        },
        fact('remoteDevice', 'neighbour'),
        fact('remotePort', 'neighbour.port'),
        { ...fact('protocol', 'neighbour.protocol'), kind: 'wide' },
        goneColumn,
      ]}
      keyOf={({ key }) => key}
      classOf={({ goneAt }) => (goneAt === null ? '' : 'past')}
    />
  );
}

export function ChangesTable({ device }: Of) {
  const changes = useAll<Change>(`/api/v1/devices/${encodeURIComponent(device)}/changes`, 6);
  return (
    <Listed
      answer={changes}
      name={t('tab.changes')}
      columns={[
        { id: 'at', title: t('when'), value: ({ at }) => at, cell: ({ at }) => moment(at) },
        { id: 'kind', title: t('what'), value: ({ kind }) => said('kind', kind) },
        {
          id: 'part',
          title: t('part'),
          value: ({ part }) => part,
          cell: ({ part }) =>
            part === '' ? '' : <a href={hrefOfResource(`${device}/${part}`)}>{<bdi>{part}</bdi>}</a>,
        },
        { id: 'before', title: t('before'), value: ({ before }) => before, kind: 'wide' },
        { id: 'after', title: t('after'), value: ({ after }) => after },
      ]}
      keyOf={({ id }) => String(id)}
    />
  );
}

export function EventsTable({ device }: Of) {
  const events = useAnswer<Page<KeptEvent>>(`/api/v1/devices/${encodeURIComponent(device)}/events?limit=500`, {
    every: 3,
  });
  if (events.refused === 403) return <p class="empty">{t('problem.scope')}</p>;
  const rows = events.data === null ? null : events.data.items;
  return (
    <Listed
      answer={{ ...events, data: rows }}
      name={t('tab.events')}
      columns={[
        {
          id: 'at',
          title: t('when'),
          value: ({ observedAt }) => observedAt,
          cell: ({ observedAt }) => moment(observedAt),
        },
        { id: 'name', title: t('what'), value: ({ name }) => name },
        { id: 'origin', title: t('origin'), value: ({ origin }) => origin, kind: 'wide' },
        { id: 'part', title: t('interface'), value: ({ interfaceKey }) => interfaceKey },
        {
          id: 'details',
          title: t('details'),
          value: ({ details }) => details.map(({ name, value }) => `${name}=${value}`).join(' '),
          kind: 'wide',
        },
      ]}
      keyOf={({ id }) => id}
    />
  );
}

interface ListedProps<Row> {
  readonly answer: Answer<readonly Row[]>;
  /** Tells the tables of one view apart in the address. */
  readonly id?: string;
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly classOf?: (row: Row) => string;
}

/** A table with what keeps it from being asked. */
export function Listed<Row>({ answer, ...table }: ListedProps<Row>) {
  return (
    <>
      <Problem text={answer.problem} old={answer.data !== null} />
      <Table {...table} rows={answer.data ?? []} empty={answer.data === null ? null : t('none')} />
    </>
  );
}
