// What processes cost, as Linux accounts it: CPU seconds and memory of a process with all its descendants, also those that ended.
import { readdirSync, readFileSync } from 'node:fs';
import { codeOf } from '../../common/runtime/errors.ts';

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** Own time and that of children that ended and were waited for. */
  readonly ticks: number;
}

/** CPU seconds of the processes and all their descendants since they began. The difference of two readings is the cost of what lies between. */
export function cpuSeconds(roots: readonly number[]): number {
  const family = familyOf(roots);
  return family.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

/** Proportional set size of the processes and all their descendants: shared pages are counted once. */
export function pssBytes(roots: readonly number[]): number {
  return familyOf(roots).reduce((sum, { pid }) => sum + pssOf(pid), 0);
}

/** Parses /proc/PID/stat; the name in brackets may hold spaces and brackets. */
export function statOf(text: string): Omit<ProcessStat, 'pid'> {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
  return { parent: fields[1] ?? 0, ticks: utime + stime + cutime + cstime };
}

function familyOf(roots: readonly number[]): ProcessStat[] {
  const all = readdirSync('/proc').flatMap((name): ProcessStat[] => {
    const pid = Number(name);
    const text = Number.isInteger(pid) ? readOrNull(`/proc/${pid}/stat`) : null;
    return text === null ? [] : [{ pid, ...statOf(text) }];
  });
  const family = new Set(roots);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => family.has(pid));
}

function pssOf(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readOrNull(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** Null for a process that has just ended. */
function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(codeOf(error))) return null;
    throw error;
  }
}
