// One poll of a device that nobody has configured yet: what it is and how it answers. Nothing of it is kept.
import type { Column, Poll, Table, TableName } from '../../common/model/poll.ts';
import type { DeviceReader } from '../snmp/table-reader.ts';
import { DeviceState, type PollPlan } from './device-state.ts';
import { type PollDeps, pollDevice } from './poll-device.ts';

const IDENTITY = [
  'sysName',
  'vendor',
  'model',
  'os',
  'version',
  'serial',
  'profile',
  'sysObjectID',
  'sysLocation',
  'sysContact',
  'sysDescr',
] as const;

export async function probeDevice(
  reader: DeviceReader,
  plan: PollPlan,
  deps: PollDeps,
  signal: AbortSignal,
): Promise<object> {
  return toldOf(await pollDevice(reader, plan, new DeviceState(), deps, signal));
}

/** What a person needs to see that it is the device that was meant, and is read as it should be. */
function toldOf(poll: Poll): object {
  const system = tableOf(poll, 'system');
  const interfaces = tableOf(poll, 'interface-inventory') ?? tableOf(poll, 'interface');
  const identity = IDENTITY.map((name) => [name, textAt(system, name)] as const);
  return {
    outcome: poll.outcome,
    failure: poll.failure ?? undefined,
    durationMs: poll.finishedAtMs - poll.startedAtMs,
    requests: poll.requests,
    retries: poll.retries,
    ...Object.fromEntries(identity.filter(([, value]) => value !== '')),
    interfaces: interfaces?.index.length ?? 0,
    tables: poll.tables.map(
      ({ name, index, complete }) => `${name}: ${index.length} rows${complete ? '' : ', cut short'}`,
    ),
  };
}

/** The last one: where interfaces changed during the poll, it is the one that holds. */
function tableOf(poll: Poll, wanted: TableName): Table | undefined {
  return poll.tables.findLast(({ name }) => name === wanted);
}

function textAt(table: Table | undefined, wanted: string): string {
  const column: Column | undefined = table?.columns.find(({ name }) => name === wanted);
  return column?.kind === 'text' ? (column.values[0] ?? '') : '';
}
