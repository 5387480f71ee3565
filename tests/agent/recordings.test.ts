// Recordings of real devices, served by snmpsim: what one poll finds of their ports is what LibreNMS found, of the rest as much as has been reached, and nothing
// that is broken in them makes it endless.
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentOnlySchema } from '../../agent/config.ts';
import { pollOnce } from '../../agent/poll-once.ts';
import type { Poll } from '../../common/model/poll.ts';
import { pollDocument, type PollDocument } from '../../cli/poll/document.ts';
import { INTERFACE_TYPES } from '../support/interface-types.ts';
import { type Recording, recordingsOf, type Row } from '../support/recording.ts';
import { FindingsReport } from '../support/findings-report.ts';
import { CORPUS, describeWith } from '../support/requirements.ts';
import { type Snmpsim, startSnmpsim } from '../support/snmpsim.ts';

const IF_ENTRY = '1.3.6.1.2.1.2.2.1';
const IF_X_ENTRY = '1.3.6.1.2.1.31.1.1.1';

const STATUS = ['', 'up', 'down', 'testing', 'unknown', 'dormant', 'notPresent', 'lowerLayerDown'];

/** EtherLike-MIB; some devices say 0. */
const DUPLEX = ['0', 'unknown', 'halfDuplex', 'fullDuplex'];

async function pollOf(address: string, community: string, agent: Record<string, unknown> = {}): Promise<Poll> {
  const whole = agentOnlySchema.parse({
    credentials: { c: { version: '2c', community } },
    devices: [{ name: 'd', address, credential: 'c' }],
    agent: { timeout_ms: 5000, retries: 2, ...agent },
  });
  return await pollOnce(whole);
}

const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number'
    ? String(value)
    : value === null || value === undefined
      ? ''
      : JSON.stringify(value);
const trimmed = (value: string): string => value.replaceAll(/^[\s\\"]+|[\s\\"]+$/g, '');

interface Difference {
  readonly port: string;
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** What differs in a port, but for what LibreNMS makes up by rules of its own; each such case is proven by the recording. */
function differencesOf(recording: Recording, port: Row, line: PollDocument['interfaces'][number]): Difference[] {
  const index = text(port['ifIndex']);
  const found: Difference[] = [];
  const compare = (field: string, expected: unknown, value: unknown, excused: () => boolean = () => false): void => {
    if (expected === null || expected === undefined || text(expected) === text(value) || excused()) return;
    found.push({ port: index, field, expected: text(expected), found: text(value) });
  };
  const recorded = (entry: string, column: number): string | null => recording.recorded(`${entry}.${column}.${index}`);
  const names = { ifName: recorded(IF_X_ENTRY, 1), ifDescr: recorded(IF_ENTRY, 2), ifAlias: recorded(IF_X_ENTRY, 18) };
  for (const field of ['ifName', 'ifDescr', 'ifAlias'] as const) {
    const expected = text(port[field]);
    compare(field, expected, line[field], () => {
      // LibreNMS fills an absent or empty name, description or alias with another of them, and shows a NUL as a dot.
      if (text(names[field]) === '')
        return text(line[field]) === '' && [...Object.values(names).map(text), '..'].includes(expected);
      // It cuts blanks, backslashes and quotes at the ends; we keep what the device says.
      return trimmed(text(line[field])) === trimmed(expected) && text(line[field]).trim() === names[field];
    });
  }
  compare('ifType', INTERFACE_TYPES.get(text(port['ifType'])) ?? port['ifType'], line['ifType']);
  compare('ifSpeed', port['ifSpeed'], line['ifSpeed_bps']);
  compare('ifMtu', port['ifMtu'], line['ifMtu']);
  compare('ifDuplex', port['ifDuplex'], DUPLEX[Number(line['ifDuplex'])]);
  compare('ifPhysAddress', port['ifPhysAddress'], text(line['ifPhysAddress']).replaceAll(':', ''));
  compare('ifAdminStatus', port['ifAdminStatus'], STATUS[Number(line['ifAdminStatus'])]);
  compare('ifOperStatus', port['ifOperStatus'], STATUS[Number(line['ifOperStatus'])]);
  for (const [field, wide, narrow, wideColumn, narrowColumn] of [
    ['ifInOctets', 'ifHCInOctets', 'ifInOctets', 6, 10],
    ['ifOutOctets', 'ifHCOutOctets', 'ifOutOctets', 10, 16],
  ] as const) {
    // LibreNMS writes 0 where the device has no counter at all; an absent counter is absent.
    const absent = (): boolean =>
      text(port[field]) === '0' &&
      recorded(IF_X_ENTRY, wideColumn) === null &&
      recorded(IF_ENTRY, narrowColumn) === null;
    compare(field, port[field], line[wide] ?? line[narrow], absent);
  }
  return found;
}

/** LibreNMS lists interfaces of TiMOS that only the vendor's own table has: IF-MIB knows nothing of them. */
function isOfVendorTable(recording: Recording, index: string): boolean {
  return [2, 3, 8].every((column) => recording.recorded(`${IF_ENTRY}.${column}.${index}`) === null);
}

describeWith(['corpus', 'snmpsim'], 'recordings of real devices', () => {
  let snmpsim: Snmpsim | null = null;
  const report = new FindingsReport();
  const recordings = recordingsOf('recordings');
  let compared = 0;

  beforeAll(async () => {
    snmpsim = await startSnmpsim(path.join(CORPUS, 'recordings'), recordings[0]?.name ?? '');
  }, 150_000);

  afterAll(async () => {
    await snmpsim?.stop();
    process.stdout.write(`${report.lines().join('\n')}\n`);
  });

  test.each(recordings)(
    '$name: every port is as LibreNMS found it',
    async (recording) => {
      const poll = await pollOf(snmpsim?.address ?? '', recording.name);
      expect([poll.outcome, poll.failure]).toEqual(['complete', null]);
      const document = pollDocument(poll);
      const byIndex = new Map(document.interfaces.map((line) => [text(line['ifIndex']), line]));
      const ports = recording.rows('ports', 'ports');
      const differences = ports.flatMap((port): Difference[] => {
        const index = text(port['ifIndex']);
        const line = byIndex.get(index);
        if (line !== undefined) return differencesOf(recording, port, line);
        if (isOfVendorTable(recording, index)) return [];
        return [{ port: index, field: 'all', expected: text(port['ifName']), found: 'no such interface' }];
      });
      expect(differences).toEqual([]);
      // Each interface has a meter of its own.
      expect(new Set(document.interfaces.map((line) => line['key'])).size).toBe(document.interfaces.length);
      compared += ports.length;
      report.add(recording, poll);
    },
    60_000,
  );

  test('what they are, their processors, memory, sensors and neighbours: no less than has been reached', () => {
    expect(report.recordings).toBe(recordings.length);
    expect(report.belowFloor()).toEqual([]);
  });

  test('all ports of all recordings were compared', () => {
    expect(compared).toBeGreaterThan(recordings.length);
  });
});

describeWith(['corpus', 'snmpsim'], 'recordings that break simulators or clients', () => {
  // The poll of one that snmpsim cannot serve to its end is partial and says so.
  test.each(recordingsOf('quirks'))(
    '$name: the poll ends, and tells what it could not read',
    async ({ name }) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'weir-quirk-'));
      chmodSync(folder, 0o755);
      cpSync(path.join(CORPUS, 'quirks', `${name}.snmprec`), path.join(folder, `${name}.snmprec`));
      let snmpsim: Snmpsim | null = null;
      try {
        snmpsim = await startSnmpsim(folder, name);
        const poll = await pollOf(snmpsim.address, name, { timeout_ms: 1500, retries: 1 });
        process.stdout.write(`  ${name}: ${poll.outcome} ${poll.failure ?? ''} ${poll.requests} requests\n`);
        const cut = poll.tables.filter((table) => !table.complete).map((table) => table.name);
        if (poll.outcome === 'complete') expect([cut, poll.failure]).toEqual([[], null]);
        else expect(poll.failure).not.toBeNull();
        expect(poll.requests).toBeLessThan(1000);
        for (const table of poll.tables) expect(new Set(table.index).size).toBe(table.index.length);
      } finally {
        await snmpsim?.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    200_000,
  );
});
