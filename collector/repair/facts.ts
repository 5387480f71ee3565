// What is known around an alarm: its device and port, what is at the other ends, what changed and what else is wrong there.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Severity } from '../faults/alarm.ts';
import type { NetworkGraph } from '../faults/cause/network-graph.ts';
import { type AgentContact, contactsOf, type ProjectionState, projectionsOf } from './own-facts.ts';
import type { Known } from './template.ts';

export interface AlarmFacts {
  readonly id: string;
  readonly resource: string;
  readonly alarmType: string;
  readonly severity: Severity;
  readonly device: string | null;
  readonly text: string;
  readonly isCleared: boolean;
  readonly raisedAtMs: EpochMs;
  readonly clearedAtMs: EpochMs | null;
}

export interface PortFacts {
  readonly device: string;
  /** `device/interfaceKey`. */
  readonly resource: string;
  readonly key: string;
  readonly ifIndex: string;
  readonly ifName: string | null;
  readonly ifDescr: string | null;
  /** RFC 2863. */
  readonly ifType: number | null;
  readonly adminStatus: number | null;
  readonly operStatus: number | null;
  readonly seenAtMs: EpochMs;
}

export interface ChangeFacts {
  readonly device: string;
  readonly part: string;
  readonly kind: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly atMs: EpochMs;
}

export interface DeviceFacts {
  readonly agent: string;
  readonly site: string | null;
  readonly tags: readonly string[];
}

export interface FactsDeps {
  readonly database: Database;
  /** Null where it is not configured. */
  readonly deviceOf: (name: string) => DeviceFacts | null;
  readonly graph: () => Promise<NetworkGraph>;
}

interface PortRow {
  readonly device: string;
  readonly key: string;
  readonly if_index: string;
  readonly if_name: string | null;
  readonly if_descr: string | null;
  readonly if_type: bigint | null;
  readonly admin_status: number | null;
  readonly oper_status: number | null;
  readonly there_at_ms: bigint;
}

export class Facts {
  readonly #deps: FactsDeps;

  constructor(deps: FactsDeps) {
    this.#deps = deps;
  }

  deviceOf(name: string): DeviceFacts | null {
    return this.#deps.deviceOf(name);
  }

  graph(): Promise<NetworkGraph> {
    return this.#deps.graph();
  }

  async alarm(id: string): Promise<AlarmFacts | null> {
    const { rows } = await this.#deps.database.query<AlarmFactsRow>(`${SELECT_ALARMS} where id = $1`, [id]);
    return rows.map(alarmFactsOf)[0] ?? null;
  }

  /** Null for what is no interface, or is gone. */
  async port(resource: string): Promise<PortFacts | null> {
    return (await this.ports([resource]))[0] ?? null;
  }

  async ports(resources: readonly string[]): Promise<readonly PortFacts[]> {
    const named = resources.filter((resource) => resource.includes('/'));
    if (named.length === 0) return [];
    const { rows } = await this.#deps.database.query<PortRow>(
      `select device.name as device, interface.key, interface.if_index, interface.if_name, interface.if_descr, interface.if_type,
              interface.admin_status, interface.oper_status,
              greatest(interface.last_seen_ms, device.interfaces_at_ms) as there_at_ms
         from inventory.interface interface join inventory.device device on device.id = interface.device
         join unnest($1::text[], $2::text[]) as asked (device, key) on asked.device = device.name and asked.key = interface.key
        where interface.gone_at_ms is null`,
      [named.map((resource) => splitResource(resource)[0]), named.map((resource) => splitResource(resource)[1])],
    );
    return rows.map(portOf);
  }

  /** By device. */
  async profiles(devices: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    const { rows } = await this.#deps.database.query<{ name: string; profile: string | null }>(
      'select name, profile from inventory.device where name = any($1::text[])',
      [devices],
    );
    return new Map(rows.map(({ name, profile }) => [name, profile]));
  }

  async profileOf(device: string): Promise<string | null> {
    return (await this.profiles([device])).get(device) ?? null;
  }

  /** Of these devices, the newest first. */
  async changes(devices: readonly string[], sinceMs: EpochMs, most: number): Promise<readonly ChangeFacts[]> {
    const { rows } = await this.#deps.database.query<Omit<ChangeFacts, 'atMs'> & { at_ms: bigint }>(
      `select device, part, kind, before, after, at_ms from inventory.change
        where device = any($1::text[]) and at_ms >= $2 order by at_ms desc, id desc limit $3`,
      [devices, sinceMs, most],
    );
    return rows.map(({ at_ms: atMs, ...change }) => ({ ...change, atMs: Number(atMs) }));
  }

  /** Alarms of these devices that were raised or changed since then, the last changed first. */
  async alarmsOf(devices: readonly string[], sinceMs: EpochMs, most: number): Promise<readonly AlarmFacts[]> {
    const { rows } = await this.#deps.database.query<AlarmFactsRow>(
      `${SELECT_ALARMS} where device = any($1::text[]) and changed_at_ms >= $2 order by changed_at_ms desc, id desc limit $3`,
      [devices, sinceMs, most],
    );
    return rows.map(alarmFactsOf);
  }

  /** Devices of these that do not answer, by their alarm. */
  async unreachable(devices: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#deps.database.query<{ device: string }>(
      `select distinct device from faults.alarm
        where device = any($1::text[]) and alarm_type = 'device-unreachable' and not is_cleared`,
      [devices],
    );
    return new Set(rows.map(({ device }) => device));
  }

  /** Of those that were ever heard. */
  contacts(agents: readonly string[]): Promise<readonly AgentContact[]> {
    return contactsOf(this.#deps.database, agents);
  }

  projections(journal: string): Promise<readonly ProjectionState[]> {
    return projectionsOf(this.#deps.database, journal);
  }

  /** Outlets that the inventory has, with the profiles of their devices. */
  async outlets(most: number): Promise<readonly { readonly resource: string; readonly profile: string | null }[]> {
    const { rows } = await this.#deps.database.query<{ resource: string; profile: string | null }>(
      `select device.name || '/outlet:' || part.key as resource, device.profile
         from inventory.part part join inventory.device device on device.id = part.device
        where part.kind = 'outlet' and part.gone_at_ms is null order by device.name, part.key limit $1`,
      [most],
    );
    return rows;
  }

  /** Whether the inventory has a part of that name, such as `pdu1/outlet:rPDUOutlet.3`. */
  async hasPart(resource: string): Promise<boolean> {
    const [device, part] = splitResource(resource);
    const colon = part.indexOf(':');
    const { rowCount } = await this.#deps.database.query(
      `select from inventory.part part join inventory.device device on device.id = part.device
        where device.name = $1 and part.kind = $2 and part.key = $3 and part.gone_at_ms is null limit 1`,
      [device, part.slice(0, Math.max(0, colon)), part.slice(colon + 1)],
    );
    return rowCount > 0;
  }

  /** What neighbours a device tells of at a port of its own. */
  async toldAt(device: string, interfaceKey: string): Promise<readonly string[]> {
    const { rows } = await this.#deps.database.query<{ facts: Readonly<Record<string, string>> }>(
      `select part.facts from inventory.part part join inventory.device device on device.id = part.device
        where device.name = $1 and part.kind = 'neighbour' and part.gone_at_ms is null
          and part.facts ->> 'localInterface' = $2 order by part.key limit 4`,
      [device, interfaceKey],
    );
    return rows.map(({ facts }) =>
      [facts['remoteDevice'], facts['remotePort'], facts['protocol']].filter((word) => word !== undefined).join(' '),
    );
  }
}

interface AlarmFactsRow {
  readonly id: bigint;
  readonly resource: string;
  readonly alarm_type: string;
  readonly severity: Severity;
  readonly device: string | null;
  readonly text: string;
  readonly is_cleared: boolean;
  readonly raised_at_ms: bigint;
  readonly cleared_at_ms: bigint | null;
}

const SELECT_ALARMS =
  'select id, resource, alarm_type, severity, device, text, is_cleared, raised_at_ms, cleared_at_ms from faults.alarm';

export function alarmFactsOf(row: AlarmFactsRow): AlarmFacts {
  return {
    id: row.id.toString(),
    resource: row.resource,
    alarmType: row.alarm_type,
    severity: row.severity,
    device: row.device,
    text: row.text,
    isCleared: row.is_cleared,
    raisedAtMs: Number(row.raised_at_ms),
    clearedAtMs: row.cleared_at_ms === null ? null : Number(row.cleared_at_ms),
  };
}

function portOf(row: PortRow): PortFacts {
  return {
    device: row.device,
    resource: `${row.device}/${row.key}`,
    key: row.key,
    ifIndex: row.if_index,
    ifName: row.if_name,
    ifDescr: row.if_descr,
    ifType: row.if_type === null ? null : Number(row.if_type),
    adminStatus: row.admin_status,
    operStatus: row.oper_status,
    seenAtMs: Number(row.there_at_ms),
  };
}

/** No name of a device has a slash. */
export function splitResource(resource: string): readonly [device: string, part: string] {
  const slash = resource.indexOf('/');
  return slash === -1 ? [resource, ''] : [resource.slice(0, slash), resource.slice(slash + 1)];
}

/** What recipes and steps may name of a resource; `sensor:12` is the part 12. */
export function placesOf(resource: string, port: PortFacts | null): Known {
  const part = /^[a-z-]+:(.+)$/s.exec(splitResource(resource)[1])?.[1];
  return {
    ...(port === null ? {} : { ifIndex: port.ifIndex }),
    ...(port?.ifName == null ? {} : { ifName: port.ifName }),
    ...(port?.ifDescr == null ? {} : { ifDescr: port.ifDescr }),
    ...(part === undefined || port !== null ? {} : { part }),
  };
}

const STATUS: readonly string[] = ['', 'up', 'down', 'testing', 'unknown', 'dormant', 'notPresent', 'lowerLayerDown'];

export function statusText(status: number | null): string {
  return STATUS[status ?? 0] || 'unknown';
}
