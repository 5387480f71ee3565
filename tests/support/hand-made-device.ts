// A device of a few hand-made objects, polled through the profiles that come with Weir: what they make of it, a line a thing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadProfiles } from '../../agent/profile/catalogue.ts';
import { tableNamed } from '../../cli/poll/document.ts';
import { columnOf, type Poll, type TableName } from '../../common/model/poll.ts';
import { pollRecording } from './recorded-device.ts';

export interface HandMade {
  readonly name: string;
  /** Behind 1.3.6.1.4.1. */
  readonly enterprise: string;
  readonly sysDescr: string;
  /** Behind 1.3.6.1.4.1, or whole where it begins with `1.3.6`, `1.0` or `1.2`. Texts become octets, numbers integers. */
  readonly objects: Readonly<Record<string, string | number>>;
  /** Of vendor, model, os, version, serial: those that must be so. */
  readonly identity: Readonly<Record<string, string>>;
  /** Lines that must be among what is found. */
  readonly finds: readonly string[];
}

const catalogue = loadProfiles('config/profiles');
const ENTERPRISES = '1.3.6.1.4.1.';
const OBJECT_IDENTIFIER = '6';

/** The identification, and a line for each processor, memory, sensor and BGP peer: `state Fan tray: 2 ok`. */
export async function seen(device: HandMade): Promise<{ identity: Record<string, string | null>; finds: string[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-device-'));
  try {
    const file = path.join(folder, 'device.snmprec');
    writeFileSync(file, recordingOf(device));
    const poll = await pollRecording(file, catalogue);
    const finds = [
      ...lines(poll, 'processor', (cell) => `processor ${cell('description')}: ${cell('usagePercent')}`),
      ...lines(poll, 'memory', (cell) => `memory ${cell('description')}: ${percentOf(cell)} %`),
      ...lines(poll, 'sensor', (cell) =>
        `${cell('class')} ${cell('description')}: ${cell('value')} ${cell('state')}`.trim(),
      ),
      ...lines(poll, 'bgp-peer', (cell) => `peer ${cell('remoteAddress')}: ${cell('remoteAs')} ${cell('state')}`),
    ];
    const identified = ['vendor', 'model', 'os', 'version', 'serial'];
    const system = lines(poll, 'system', (cell) => identified.map((name) => [name, cell(name)] as const))[0] ?? [];
    return { identity: Object.fromEntries(system), finds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Cells = (column: string) => string;

/** A line a row; absent cells are empty, numbers have at most three digits behind the point. */
function lines<T>(poll: Poll, name: TableName, write: (cell: Cells) => T): T[] {
  const table = tableNamed(poll, name);
  return (table?.index ?? []).map((_, row) =>
    write((column) => {
      const found = table && columnOf(table, column);
      if (found?.kind === 'text') return found.values[row] ?? '';
      const value = found?.kind === 'number' ? (found.values[row] ?? Number.NaN) : Number.NaN;
      return Number.isNaN(value) ? '' : String(Math.round(value * 1000) / 1000);
    }),
  );
}

function percentOf(cell: Cells): string {
  const told = cell('usedPercent');
  return told === ''
    ? String(Math.round((Number(cell('usedBytes')) * 100_000) / Number(cell('totalBytes'))) / 1000)
    : told;
}

function recordingOf({ enterprise, sysDescr, objects }: HandMade): string {
  const rows = Object.entries(objects).map(([key, value]) => {
    const oid = /^1\.(3\.6|0|2|3\.111)\./.test(key) ? key : ENTERPRISES + key;
    return `${oid}|${typeof value === 'number' ? '2' : '4'}|${value}`;
  });
  const system = [
    `1.3.6.1.2.1.1.1.0|4x|${Buffer.from(sysDescr).toString('hex')}`,
    `1.3.6.1.2.1.1.2.0|${OBJECT_IDENTIFIER}|${ENTERPRISES}${enterprise}`,
    '1.3.6.1.2.1.1.3.0|67|4711',
  ];
  return [...system, ...rows].join('\n');
}
