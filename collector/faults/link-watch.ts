// Looks again and again whether the two ends of each known link go together: what no poll of one device can tell.
import type { Database } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { AlarmChange } from './alarm-machine.ts';
import type { FaultRules } from './fault-rules.ts';
import { judgeLinks, type LinkEnds } from './judge-links.ts';

interface KnownEnd {
  readonly device: string | null;
  readonly interfaceKey: string | null;
}

export interface LinkWatchDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly rules: () => FaultRules;
  /** `cut`: there are more. */
  readonly links: () => Promise<{
    readonly links: readonly { readonly a: KnownEnd; readonly b: KnownEnd }[];
    readonly cut: boolean;
  }>;
  readonly raise: (look: {
    readonly agent: string;
    readonly judge: (memory: AgentMemory) => AlarmChange[];
    readonly atMs: EpochMs;
  }) => Promise<void>;
}

/** The memory of all links; no agent has a colon in its name. */
const LINKS = 'collector:links';

interface EndRow {
  readonly device: string;
  readonly key: string;
  readonly speed_bps: bigint | null;
  readonly mtu: bigint | null;
  readonly duplex: number | null;
  readonly oper_status: number | null;
}

/** What a port's device says of the port at the other end, and of its own. */
interface SaidRow {
  readonly device: string;
  readonly port: string;
  readonly duplex: string | null;
  readonly remote_vlan: number | null;
  readonly local_vlan: number | null;
}

type Said = Pick<SaidRow, 'duplex' | 'remote_vlan' | 'local_vlan'>;

const DUPLEX: Readonly<Record<string, 'half' | 'full'>> = { 2: 'half', 3: 'full', half: 'half', full: 'full' };

export class LinkWatch {
  readonly #reporter: Reporter;
  readonly #deps: LinkWatchDeps;
  readonly #since = new Map<string, EpochMs>();

  constructor(reporter: Reporter, deps: LinkWatchDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** What is not known now is asked the next time. */
  async look(): Promise<void> {
    try {
      const { links, cut } = await this.#deps.links();
      const ends = await this.#ends(links);
      const nowMs = this.#deps.clock.now();
      const judge = (memory: AgentMemory): AlarmChange[] =>
        judgeLinks(memory, this.#deps.rules(), ends, this.#since, { nowMs, complete: !cut });
      await this.#deps.raise({ agent: LINKS, judge, atMs: nowMs });
    } catch (error) {
      this.#reporter.warn('links not looked at', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async #ends(links: Awaited<ReturnType<LinkWatchDeps['links']>>['links']): Promise<LinkEnds[]> {
    const asked = links
      .flatMap(({ a, b }) => [a, b])
      .filter(({ device, interfaceKey }) => device !== null && interfaceKey !== null);
    const { rows } = await this.#deps.database.query<EndRow>(
      `select device.name as device, interface.key, interface.speed_bps, interface.mtu, interface.duplex, interface.oper_status
         from unnest($1::text[], $2::text[]) as asked (device, key)
         join inventory.device device on device.name = asked.device
         join inventory.interface interface
           on interface.device = device.id and interface.key = asked.key and interface.gone_at_ms is null`,
      [asked.map(({ device }) => device), asked.map(({ interfaceKey }) => interfaceKey)],
    );
    const said = await this.#said([...new Set(rows.map(({ device }) => device))]);
    const known = new Map(rows.map((row) => [nameOf(row), row]));
    return links.flatMap(({ a, b }) => {
      const [one, other] = [a, b].map(({ device, interfaceKey }) => known.get(`${device ?? ''}/${interfaceKey ?? ''}`));
      if (one === undefined || other === undefined) return [];
      const [ofOne, ofOther] = [said.get(nameOf(one)), said.get(nameOf(other))];
      return [[endOf(one, ofOne, ofOther), endOf(other, ofOther, ofOne)] as const];
    });
  }

  /** By port. Behind one port there may be several neighbours: what two of them say differently is not known. */
  async #said(devices: readonly string[]): Promise<Map<string, Said>> {
    const { rows } = await this.#deps.database.query<SaidRow>(
      `select device.name as device, part.facts ->> 'localInterface' as port,
              case when count(distinct part.facts ->> 'remoteDuplex') = 1 then min(part.facts ->> 'remoteDuplex') end as duplex,
              case when count(distinct part.facts ->> 'remoteVlan') = 1
                   then min((part.facts ->> 'remoteVlan')::int) end as remote_vlan,
              case when count(distinct part.facts ->> 'localVlan') = 1
                   then min((part.facts ->> 'localVlan')::int) end as local_vlan
         from inventory.part part join inventory.device device on device.id = part.device
        where part.kind = 'neighbour' and part.gone_at_ms is null and device.name = any($1::text[])
          and part.facts ?| array['remoteDuplex', 'remoteVlan', 'localVlan']
        group by device.name, part.facts ->> 'localInterface'`,
      [devices],
    );
    return new Map(rows.map((row) => [`${row.device}/${row.port}`, row]));
  }
}

function nameOf({ device, key }: EndRow): string {
  return `${device}/${key}`;
}

/** `own`: what its device says at that port; `other`: what the device at the other end does. */
function endOf(row: EndRow, own: Said | undefined, other: Said | undefined): LinkEnds[0] {
  const number = (value: bigint | null): number | null => (value === null ? null : Number(value));
  return {
    device: row.device,
    interfaceKey: row.key,
    speedBps: number(row.speed_bps),
    mtu: number(row.mtu),
    duplex: DUPLEX[row.duplex ?? ''] ?? DUPLEX[other?.duplex ?? ''] ?? null,
    vlan: other?.remote_vlan ?? own?.local_vlan ?? null,
    up: row.oper_status === 1,
  };
}
