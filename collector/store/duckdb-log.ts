// The log beside a DuckDB file, where it is torn: set aside, so that the file opens at its last checkpoint and the journal is gone through from there.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { EpochMs } from '../../common/model/time.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { flushFolder } from '../../common/runtime/flush-folder.ts';

/** The log, the one of a compaction that a crash cut short, and both made one. */
const LOGS = ['.wal', '.wal.checkpoint', '.wal.recovery'];
const TORN = '.torn-';
/** Sets kept beside the file: each is some 16 MB at most, and a disk that tears one tears more. */
const MAX_KEPT = 4;

const REPLAYING = /while replaying (checkpoint )?WAL file/i;
/** What its own octets are to blame for; a full disk, missing memory or a file that cannot be read are not. */
const CONTRADICTS =
  /Corrupt (Encrypted )?WAL|Invalid WAL entry|WAL does not match|WAL checkpoint iteration|Failed to read WAL of version|checkpoint WAL (version|cannot)|Serialization Error|in WAL\b/i;

/** DuckDB passes over a log that ends early by itself; this is one that contradicts its checksums. */
export function isTornLog(error: unknown): boolean {
  const text = messageOf(error);
  return REPLAYING.test(text) && CONTRADICTS.test(text);
}

/** Their new names; the oldest beyond a bound are deleted. Durable before it returns. Throws store_damaged. */
export function setLogsAside(file: string, nowMs: EpochMs): readonly string[] {
  try {
    const moved = renameLogs(file, nowMs);
    deleteOldest(file);
    // A log that came back after a power cut would be replayed into a file that has moved on.
    flushFolder(path.dirname(file));
    return moved;
  } catch (error) {
    const what = `The log of the metric store ${file} is torn, and cannot be set aside: ${messageOf(error)}`;
    throw new WeirError('store_damaged', what, { file }, error);
  }
}

function renameLogs(file: string, nowMs: EpochMs): readonly string[] {
  const time = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace('.', '');
  const moved: string[] = [];
  for (const log of LOGS) {
    const name = `${file}${log}`;
    if (!existsSync(name)) continue;
    const aside = `${name}${TORN}${time}`;
    renameSync(name, aside);
    moved.push(aside);
  }
  return moved;
}

function deleteOldest(file: string): void {
  const folder = path.dirname(file);
  const times = new Map<string, string[]>();
  for (const name of readdirSync(folder)) {
    const at = name.indexOf(TORN);
    if (!name.startsWith(`${path.basename(file)}.wal`) || at < 0) continue;
    const time = name.slice(at + TORN.length);
    times.set(time, [...(times.get(time) ?? []), name]);
  }
  for (const old of [...times.keys()].toSorted().slice(0, -MAX_KEPT))
    for (const name of times.get(old) ?? []) rmSync(path.join(folder, name), { force: true });
}
