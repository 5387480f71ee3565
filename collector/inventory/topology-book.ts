// Reads what devices say of their neighbours, and what those may be called, and answers the links between them as far as the viewpoint sees.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { deviceFinder, type Link, linksOf, macText, type NeighbourReport } from './topology.ts';

/** Words of neighbours in one answer; some twenty octets of heap a character of them. */
export const MAX_REPORTS = 20_000;

const MAX_LAG_MEMBERS = 200_000;

export interface TopologyDevice {
  readonly name: string;
  readonly sysName: string | null;
  readonly reachable: boolean | null;
}

export interface Topology {
  readonly devices: readonly TopologyDevice[];
  readonly links: readonly Link[];
  /** There are more neighbours than one answer takes: ask by device or site. */
  readonly cut: boolean;
}

interface ReportRow {
  readonly device: string;
  readonly facts: Readonly<Record<string, string | undefined>>;
  readonly there_at_ms: bigint;
}

export class TopologyBook {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Of the devices of these names, of all for null; the far end of a link may be any device that the viewpoint sees. `goneSinceMs`: also
   * links that were lost after it, because a link that has failed is one that its ends no longer tell of.
   */
  async read(
    viewpoint: Viewpoint,
    names: readonly string[] | null,
    goneSinceMs: EpochMs | null = null,
  ): Promise<Topology> {
    const seen = viewpoint.everything ? null : viewpoint.devices;
    const { rows: found } = await this.#database.query<ReportRow>(
      `select device.name as device, part.facts,
              greatest(part.last_seen_ms, (device.part_tables -> 'neighbour' ->> 'atMs')::int8) as there_at_ms
         from inventory.part part join inventory.device device on device.id = part.device
        where part.kind = 'neighbour' and (part.gone_at_ms is null or part.gone_at_ms > $3::int8)
          and ($1::text[] is null or device.name = any($1)) and ($2::text[] is null or device.name = any($2))
        order by device.name, part.key limit ${MAX_REPORTS + 1}`,
      [seen, names, goneSinceMs],
    );
    const reports = found.slice(0, MAX_REPORTS).map(reportOf);
    const { rows: known } = await this.#database.query<{
      readonly name: string;
      readonly sysName: string | null;
      readonly reachable: boolean | null;
    }>(
      `select name, sys_name as "sysName", last_outcome <> 'failed' as reachable from inventory.device
        where $1::text[] is null or name = any($1) order by name`,
      [seen],
    );
    const deviceNamed = deviceFinder(known, await this.#devicesByMac(reports, seen));
    const links = linksOf(reports, deviceNamed, await this.#ports(reports, deviceNamed));
    const shown = new Set(links.flatMap(({ a, b }) => [a.device, b.device]));
    const devices = known.filter(({ name }) => shown.has(name) || names === null || names.includes(name));
    return { devices, links, cut: found.length > MAX_REPORTS };
  }

  /** By port the LAG that it is a member of, both `device/interfaceKey`, of all devices. */
  async lags(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#database.query<{ readonly port: string; readonly lag: string }>(
      `select device.name || '/' || interface.key as port, device.name || '/' || interface.lag as lag
         from inventory.interface interface join inventory.device device on device.id = interface.device
        where interface.lag is not null and interface.gone_at_ms is null
        order by port limit ${MAX_LAG_MEMBERS}`,
    );
    return new Map(rows.map(({ port, lag }) => [port, lag]));
  }

  /** Neighbours that give an address in place of a name. */
  async #devicesByMac(
    reports: readonly NeighbourReport[],
    seen: readonly string[] | null,
  ): Promise<Map<string, string | null>> {
    const macs = [...new Set(reports.map(({ remoteDevice }) => macText(remoteDevice)).filter((mac) => mac !== null))];
    if (macs.length === 0) return new Map();
    const { rows } = await this.#database.query<{ readonly mac: string; readonly name: string }>(
      `select distinct interface.mac, device.name
         from inventory.interface interface join inventory.device device on device.id = interface.device
        where interface.mac = any($1::text[]) and interface.gone_at_ms is null
          and ($2::text[] is null or device.name = any($2))`,
      [macs, seen],
    );
    const found = new Map<string, string | null>();
    for (const { mac, name } of rows) found.set(mac, found.has(mac) ? null : name);
    return found;
  }

  /** By name, description, alias or address of the port, in that order; a word that fits two ports of a device means neither. */
  async #ports(
    reports: readonly NeighbourReport[],
    deviceNamed: (text: string) => string | null,
  ): Promise<(device: string, port: string) => string | null> {
    const asked = new Map<string, readonly [device: string, port: string]>();
    for (const { remoteDevice, remotePort } of reports) {
      const device = deviceNamed(remoteDevice);
      if (device === null || remotePort === null) continue;
      const port = macText(remotePort) ?? remotePort.toLowerCase();
      asked.set(portName(device, port), [device, port]);
    }
    const pairs = [...asked.values()];
    const { rows } = await this.#database.query<{
      readonly device: string;
      readonly port: string;
      readonly key: string | null;
    }>(
      `select device, port, case when count(*) = 1 then min(key) end as key
         from (select asked.device, asked.port, interface.key,
                      rank() over (partition by asked.device, asked.port order by told.rank) as place
                 from unnest($1::text[], $2::text[]) as asked (device, port)
                 join inventory.device device on device.name = asked.device
                 join inventory.interface interface on interface.device = device.id and interface.gone_at_ms is null
                cross join lateral (
                  select min(rank) as rank
                    from (values (1, interface.if_name), (2, interface.key), (3, interface.if_descr),
                                 (4, interface.mac), (5, interface.if_alias)) as names (rank, text)
                   where lower(text) = asked.port) as told
                where told.rank is not null) as found
        where place = 1 group by device, port`,
      [pairs.map(([device]) => device), pairs.map(([, port]) => port)],
    );
    const keys = new Map(rows.map(({ device, port, key }) => [portName(device, port), key]));
    return (device, port) => keys.get(portName(device, macText(port) ?? port.toLowerCase())) ?? null;
  }
}

function portName(device: string, port: string): string {
  return `${device} ${port}`;
}

function reportOf({ device, facts, there_at_ms: lastSeenMs }: ReportRow): NeighbourReport {
  return {
    device,
    localInterface: facts['localInterface'] ?? null,
    remoteDevice: facts['remoteDevice'] ?? '',
    remotePort: facts['remotePort'] ?? null,
    protocol: facts['protocol'] ?? null,
    lastSeenMs: Number(lastSeenMs),
  };
}
