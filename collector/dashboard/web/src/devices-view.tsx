// Every device that is configured or was seen, and the way to add one.
import { AddDevice } from './add-device.tsx';
import { stateOf } from './device-state.ts';
import { ago } from './format.ts';
import { choose, hrefOf, usePlace } from './place.ts';
import { Problem } from './problem.tsx';
import { useReader } from './reader.ts';
import { type Column, Table } from './table.tsx';
import type { Device } from './types.ts';
import { useAll } from './use-answer.ts';
import { said, t } from './words.ts';

export function DevicesView() {
  const { may } = useReader();
  const { query } = usePlace();
  const adding = may.operate && query.get('add') === '1';
  const devices = useAll<Device>('/api/v1/devices', 3);
  return (
    <>
      {adding && <AddDevice devices={devices.data ?? []} />}
      <section class="card" aria-label={t('devices')}>
        <header>
          <h2>{t('devices')}</h2>
        </header>
        <Problem text={devices.problem} old={devices.data !== null} />
        <Table
          name={t('devices')}
          rows={devices.data ?? []}
          columns={columns()}
          keyOf={({ name }) => name}
          sort="name"
          empty={devices.data === null ? null : t('devices.none')}
          tools={
            may.operate &&
            !adding && (
              <button type="button" onClick={() => choose({ add: '1' })}>
                {t('add.title')}
              </button>
            )
          }
        />
      </section>
    </>
  );
}

function columns(): readonly Column<Device>[] {
  return [
    {
      id: 'name',
      title: t('name'),
      value: ({ name }) => name,
      cell: ({ name }) => (
        <a href={hrefOf(['devices', name])}>
          <bdi>{name}</bdi>
        </a>
      ),
    },
    {
      id: 'state',
      title: t('state'),
      value: (device) => stateOf(device).word,
      cell: (device) => {
        const { word, look } = stateOf(device);
        return (
          <span class={look} title={device.lastFailure ?? ''}>
            {word}
          </span>
        );
      },
    },
    { id: 'site', title: t('site'), value: ({ site }) => site, kind: 'wide short' },
    { id: 'address', title: t('address'), value: ({ address }) => address, kind: 'wide' },
    {
      id: 'model',
      title: t('model'),
      value: ({ vendor, model }) => [vendor, model].filter(Boolean).join(' ') || null,
      kind: 'wide',
    },
    { id: 'version', title: t('version'), value: ({ version }) => version, kind: 'wide' },
    { id: 'criticality', title: t('criticality'), value: ({ criticality }) => said('kind', criticality), kind: 'wide' },
    { id: 'interfaces', title: t('interfaces'), value: ({ interfaceCount }) => interfaceCount, kind: 'wide figure' },
    {
      id: 'poll',
      title: t('lastPoll'),
      value: ({ lastPollAt }) => lastPollAt,
      cell: ({ lastPollAt }) => ago(lastPollAt, Date.now()),
      kind: 'figure',
    },
  ];
}
