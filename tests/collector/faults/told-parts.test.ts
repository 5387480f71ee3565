// A part that a notification tells of while a poll of it is under way: the table that was read before knows less, whichever way it was told.
import { expect, test } from 'vitest';
import { newDeviceMemory } from '../../../collector/faults/device-memory.ts';
import { DEFAULT_FAULTS } from '../../../collector/faults/fault-rules.ts';
import { judgePoll } from '../../../collector/faults/judge.ts';
import { judgeEvent } from '../../../collector/faults/judge-event.ts';
import { withTrapRules } from '../../../collector/faults/trap-rules.ts';
import { TRAP_RULES } from '../../support/fault-machine.ts';
import { interfacePoll, tableAt } from '../../support/poll-builder.ts';

const START = 1_790_000_000_000;
const FAN = 'ciscoEnvMonFanState';
const rules = withTrapRules(DEFAULT_FAULTS.rules, TRAP_RULES);

function rig() {
  const memory = newDeviceMemory('sw1');
  const kinds = (changes: readonly { readonly kind: string }[]): string[] => changes.map(({ kind }) => kind);
  return {
    /** Its table was read at one time, and it ended at another. */
    poll: (readAtS: number, endedAtS: number, state: string): string[] => {
      const text = (name: string, value: string) => ({ kind: 'text' as const, name, values: [value] });
      const columns = [text('class', 'state'), text('description', 'Fan 1'), text('state', state)];
      const tables = [tableAt({ atMs: START + readAtS * 1000 }, 'sensor', [`${FAN}.1`], columns)];
      const poll = interfacePoll({ device: 'sw1', atMs: START + endedAtS * 1000, tables });
      return kinds(judgePoll(memory, rules, poll, 0, poll.finishedAtMs).changes);
    },
    tells: (atS: number, state: number): string[] => {
      const event = {
        id: String(atS),
        device: 'sw1',
        source: null,
        origin: 'trap' as const,
        name: 'ciscoEnvMonFanNotification',
        observedAtMs: START + atS * 1000,
        uptimeTicks: null,
        interfaceKey: null,
        details: [{ name: `${FAN}.1`, value: String(state) }],
      };
      return kinds(judgeEvent(memory, rules, event, 0, event.observedAtMs));
    },
  };
}

test('that it has failed: the next table settles it, and another failure is told anew', () => {
  const { poll, tells } = rig();
  expect(poll(0, 1, 'ok')).toEqual([]);
  expect(tells(62, 3)).toEqual(['raised']);
  expect(poll(60, 64, 'ok')).toEqual([]);
  expect(poll(120, 121, 'ok')).toEqual(['cleared']);
  expect(tells(130, 3)).toEqual(['raised']);
  expect(tells(131, 3)).toEqual([]);
});

test('that it is well again: a table from before raises nothing', () => {
  const { poll, tells } = rig();
  expect(tells(2, 3)).toEqual(['raised']);
  expect(poll(60, 61, 'critical')).toEqual([]);
  expect(tells(122, 1)).toEqual(['cleared']);
  expect(poll(120, 124, 'critical')).toEqual([]);
  expect(poll(180, 181, 'ok')).toEqual([]);
  expect(poll(240, 241, 'critical')).toEqual(['raised']);
  expect(poll(300, 301, 'ok')).toEqual(['cleared']);
});
