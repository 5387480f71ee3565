// The acts of the day of failures: what breaks when, and which alarms people are to be told of, whatever else is raised meanwhile.
import { AGENTS, type DayNetwork, deviceOf } from './day-network.ts';

const MINUTE_MS = 60_000;

export interface Happening {
  /** After the begin of the act. */
  readonly atMs: number;
  readonly do: (stage: Stage) => void | Promise<void>;
}

/** What an act may touch. */
export interface Stage {
  readonly network: DayNetwork;
  /** Agents that send nothing. */
  readonly lost: Set<string>;
  readonly window: (site: string, fromMs: number, toMs: number) => Promise<void>;
  /** So many notifications of links, of users' ports everywhere, in the next batch. */
  readonly flood: (events: number) => void;
  /** The collector takes the next message and dies. */
  readonly kill: () => void;
}

export interface Act {
  readonly name: string;
  readonly lastsMs: number;
  readonly happenings: readonly Happening[];
  /** `TYPE RESOURCE`, each told once as raised and once as over; of a list in a list exactly one. */
  readonly told: readonly (string | readonly string[])[];
  /** Before it nobody is to be told of anything. */
  readonly quietUntilMs?: number;
  /** May be told, or not: it depends on when the device was polled. */
  readonly maybe?: readonly string[];
}

const at = (minutes: number, work: Happening['do']): Happening => ({ atMs: minutes * MINUTE_MS, do: work });
const acts = (name: string, minutes: number, happenings: readonly Happening[], told: Act['told']): Act => ({
  name,
  lastsMs: minutes * MINUTE_MS,
  happenings,
  told,
});

/** The flapping begins soon and goes on for ten minutes, a change at each poll. */
function flapping(port: string): Happening[] {
  return Array.from({ length: 10 }, (_, minute) =>
    at(1 + minute, ({ network }) => void (minute % 2 === 0 ? network.down.add(port) : network.down.delete(port))),
  );
}

export function actsOf(events: number): readonly Act[] {
  const [flapper, window, killed] = [deviceOf(0, 1), 1, 5];
  return [
    acts(
      'core dead',
      10,
      [at(1, ({ network }) => void network.dead.add('core')), at(6, ({ network }) => void network.dead.delete('core'))],
      ['device-unreachable core'],
    ),
    acts(
      'half a ring cut',
      10,
      [at(1, ({ network }) => void network.cut.add('d1/d2').add('d3/d4')), at(6, ({ network }) => network.cut.clear())],
      [['device-unreachable d2', 'device-unreachable d3']],
    ),
    {
      ...acts('flapping link', 24, flapping(`${flapper}/srv`), [`interface-flapping ${flapper}/srv`]),
      maybe: [`interface-down ${flapper}/srv`],
    },
    acts(
      `storm of ${events} events`,
      10,
      [
        at(1, (stage) => {
          stage.network.dead.add('d3');
          stage.flood(events);
        }),
        at(6, ({ network }) => void network.dead.delete('d3')),
      ],
      ['device-unreachable d3'],
    ),
    {
      ...acts(
        'maintenance overrun',
        21,
        [
          at(1, ({ window: agree }) => agree(`site${window}`, MINUTE_MS, 9 * MINUTE_MS)),
          at(2, ({ network }) => void network.dead.add(deviceOf(window, 0))),
          at(16, ({ network }) => void network.dead.delete(deviceOf(window, 0))),
        ],
        [`site-unreachable site:site${window}`],
      ),
      quietUntilMs: 9 * MINUTE_MS,
    },
    acts(
      'agent lost',
      11,
      [at(1, ({ lost }) => void lost.add(AGENTS[1])), at(6, ({ lost }) => void lost.delete(AGENTS[1]))],
      [`agent-silent agent:${AGENTS[1]}`],
    ),
    acts(
      'collector killed',
      11,
      [
        at(1, (stage) => {
          stage.network.dead.add(deviceOf(killed, 1));
          stage.kill();
        }),
        at(6, ({ network }) => void network.dead.delete(deviceOf(killed, 1))),
      ],
      [`device-unreachable ${deviceOf(killed, 1)}`],
    ),
  ];
}
