// The footprint's rows: memory of everything that `npm start` starts, at its highest and once it is steady, and what is installed.
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pssBytes } from '../machine/processes.ts';
import { ROOT, pause, type Running, until, type Workshop } from '../machine/workshop.ts';
import type { PartContext } from '../part.ts';
import { type Row, rowOf } from '../rows.ts';

const UP_MS = 90_000;
const WATCHED_MS = 90_000;
const SAMPLE_MS = 1000;
/** The end of the watch that counts as steady. */
const STEADY_SAMPLES = 20;
const SIMULATED_DEVICES = 100;
const BLOCK_BYTES = 512;
const MEGABYTE = 1024 * 1024;

export async function footprintPart({ workshop, tell }: PartContext): Promise<readonly Row[]> {
  tell(`footprint: npm start, watched for ${WATCHED_MS / 1000} s`);
  const dataFolder = path.join(workshop.folder, 'demo');
  const running = await startDemo(workshop, dataFolder);
  const samples: number[] = [];
  const endAt = performance.now() + WATCHED_MS;
  while (performance.now() < endAt) {
    samples.push(pssBytes([running.pid, ...postmaster(dataFolder)]));
    await pause(SAMPLE_MS);
  }
  if (!running.output().includes('up after')) throw new Error(`npm start did not come up\n${running.output()}`);
  const disk = diskBytes(dataFolder);
  await running.stop();
  const steady = samples.slice(-STEADY_SAMPLES).toSorted((left, right) => left - right);
  const installed = diskBytes(path.join(ROOT, 'node_modules'));
  const row = (what: string, bytes: number, most?: number): Row =>
    rowOf({ what, weir: bytes / MEGABYTE, ...(most === undefined ? {} : { goal: { of: 'weir', most } }) });
  return [
    row('megabytes (PSS) of npm start at its peak', Math.max(...samples), 1200),
    row('megabytes (PSS) of npm start, steady', steady[Math.floor(steady.length / 2)] ?? Number.NaN, 700),
    row('megabytes installed, development tools included', installed, 420),
    row(`megabytes on disk of the demo after ${WATCHED_MS / 1000} s`, disk),
  ];
}

async function startDemo(workshop: Workshop, dataFolder: string): Promise<Running> {
  const port = await workshop.ports(4);
  const simulatorPort = await workshop.ports(SIMULATED_DEVICES);
  const options = ['--data', dataFolder, '--port', String(port), '--simulator-port', String(simulatorPort)];
  const running = workshop.run('npm', ['start', '--prefix', ROOT, '--', ...options]);
  await until(
    () => running.output().includes('database'),
    UP_MS,
    () => `npm start says nothing\n${running.output()}`,
  );
  return running;
}

/** PostgreSQL is counted also where it does not hang below the process that started it. */
function postmaster(dataFolder: string): number[] {
  const file = path.join(dataFolder, 'postgresql', 'cluster', 'postmaster.pid');
  if (!existsSync(file)) return [];
  return [Number(readFileSync(file, 'latin1').split('\n')[0])];
}

/** Blocks on the disk; what has several names is counted once. */
function diskBytes(folder: string): number {
  const seen = new Set<string>();
  let bytes = 0;
  for (const file of filesBelow(folder)) {
    const found = lstatSync(file, { throwIfNoEntry: false });
    const identity = `${found?.dev} ${found?.ino}`;
    if (found === undefined || seen.has(identity)) continue;
    seen.add(identity);
    bytes += found.blocks * BLOCK_BYTES;
  }
  return bytes;
}

/** Files and folders; one that goes away meanwhile is left out. */
function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
