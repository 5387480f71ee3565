// What a process is: its words, its name, where it stands.
import { readFileSync, readlinkSync } from 'node:fs';

/** The words it was started with; null where the system does not tell. */
export function commandLineOf(pid: number): readonly string[] | null {
  const text = readProc(`${pid}/cmdline`);
  return text === null || text === '' ? null : text.split('\0').slice(0, -1);
}

/** The name of its program, at most 15 letters; null where the system does not tell. */
export function nameOf(pid: number): string | null {
  return readProc(`${pid}/comm`)?.trim() ?? null;
}

/** Where it stands; null where the system does not tell or we may not look. */
export function workingFolderOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

function readProc(place: string): string | null {
  try {
    return readFileSync(`/proc/${place}`, 'utf8');
  } catch {
    return null;
  }
}
