// Whether a process lives and when it began, so that a number given anew by the kernel is not mistaken for what it once named.
import { readFileSync } from 'node:fs';
import { codeOf } from './errors.ts';

/** null: no such process (a zombie counts as none). Else a text that no other process of this machine had or will have; '' where the system does not tell (no /proc). */
export function aliveSince(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return null;
  }
  const stat = readProc(`${pid}/stat`);
  if (stat === null) return '';
  // The name in brackets may hold anything; field 3 (state) comes after it, field 22 is the start in ticks since boot.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return `${readProc('sys/kernel/random/boot_id')?.trim() ?? ''}:${fields[19] ?? ''}`;
}

function readProc(place: string): string | null {
  try {
    return readFileSync(`/proc/${place}`, 'utf8');
  } catch {
    return null;
  }
}
