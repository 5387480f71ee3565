// Runs the built `weir` as a person would: as a process, with its output kept, ended with the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');
/** $WEIR_DIST: another build than dist/, for who must not disturb it. */
const ENTRY = path.resolve(ROOT, process.env['WEIR_DIST'] ?? 'dist', 'cli/weir.js');

export interface WeirProcess {
  readonly process: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  /** Resolves when the output holds the text; rejects with the output when it ends or takes too long. */
  says(text: string | RegExp, timeoutMs: number): Promise<void>;
  /** SIGINT, as Ctrl-C; resolves with the exit code. */
  interrupt(): Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export interface WeirOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Another program than dist/cli/weir.js, such as that of the agent's artifact. */
  readonly entry?: string;
  /** Words before `node`, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
}

/** Starts `weir ARGS` from dist/; the build must be there (scripts/test makes it). */
export function startWeir(args: readonly string[], options: WeirOptions = {}): WeirProcess {
  const entry = options.entry ?? ENTRY;
  if (!existsSync(entry)) throw new Error('dist/ is missing: npm run build');
  const words = [...(options.prefix ?? []), process.execPath, entry, ...args];
  const child = spawn(words[0] ?? '', words.slice(1), {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const kill = (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null) child.kill(signal);
    return ended;
  };
  return {
    process: child,
    output: () => output,
    says: (text, timeoutMs) =>
      waitFor(
        () => (typeof text === 'string' ? output.includes(text) : text.test(output)) || child.exitCode !== null,
        timeoutMs,
        () => `waiting for ${String(text)} in:\n${output}`,
      ).then(() => {
        if (!(typeof text === 'string' ? output.includes(text) : text.test(output)))
          throw new Error(`ended with ${child.exitCode}:\n${output}`);
      }),
    interrupt: () => kill('SIGINT'),
    kill,
  };
}

/** Runs `weir ARGS` to its end. */
export async function runWeir(
  args: readonly string[],
  options: WeirOptions = {},
): Promise<{ code: number | null; output: string }> {
  const weir = startWeir(args, options);
  const code = await new Promise<number | null>((resolve) => weir.process.once('close', resolve));
  return { code, output: weir.output() };
}

/** Polls a condition every 100 ms. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  explain: () => string,
): Promise<void> {
  const until = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`not within ${timeoutMs} ms: ${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
