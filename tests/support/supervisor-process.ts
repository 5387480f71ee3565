// Starts tests/support/embedded-supervisor.ts as a process of its own, bundled to one file that any user can read.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'vite';

export interface SupervisorArguments {
  readonly dataFolder: string;
  readonly port: number;
  readonly packageFolder: string;
  readonly sharedFolder: string;
}

export type SupervisorLine =
  | { readonly url: string; readonly pid: number }
  | { readonly code: string; readonly message: string };

export interface Supervisor {
  readonly process: ChildProcess;
  /** Its one line; rejects with what it wrote where it ended without. */
  readonly line: Promise<SupervisorLine>;
  readonly ended: Promise<void>;
}

export interface SupervisorProgram {
  start(args: SupervisorArguments, user?: { readonly uid: number; readonly gid: number }): Supervisor;
  remove(): void;
}

/** Bundles the program once (half a second); `remove` deletes it. */
export async function supervisorProgram(): Promise<SupervisorProgram> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-supervisor-'));
  chmodSync(folder, 0o755);
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: path.join(import.meta.dirname, 'embedded-supervisor.ts'),
      outDir: folder,
      minify: false,
      rollupOptions: { output: { entryFileNames: 'supervisor.mjs' } },
    },
  });
  const file = path.join(folder, 'supervisor.mjs');
  chmodSync(file, 0o644);
  return {
    start: (args, user) => startSupervisor(file, args, user),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function startSupervisor(
  file: string,
  args: SupervisorArguments,
  user: { readonly uid: number; readonly gid: number } | undefined,
): Supervisor {
  const words = [args.dataFolder, String(args.port), args.packageFolder, args.sharedFolder];
  const child = spawn(process.execPath, [file, ...words], {
    ...user,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString('utf8')));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const line = new Promise<SupervisorLine>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (said.includes('\n')) resolve(lineOf(said.split('\n')[0] ?? ''));
    });
    void ended.then(() => reject(new Error(`the supervisor ended without a word: ${complaints}`)));
  });
  line.catch(() => undefined);
  return { process: child, line, ended };
}

function lineOf(text: string): SupervisorLine {
  const [first = '', second = '', third = ''] = text.split(' ');
  if (first === 'up') return { url: second, pid: Number(third) };
  return { code: first, message: text.slice(first.length + 1) };
}
