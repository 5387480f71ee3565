// Runs a TypeScript program of the tests as a process of its own, so that it can be killed: bundled from the sources, packages from node_modules.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'vite';

const ROOT = path.resolve(import.meta.dirname, '../..');

export interface BundledProgram {
  /** Of the program. */
  readonly file: string;
  /** Standard error goes to the test's own. */
  start(args: readonly string[]): ChildProcessByStdio<null, Readable, null>;
  remove(): void;
}

/** `entry`: a file in tests/support, or a path from there. */
export async function bundledProgram(entry: string): Promise<BundledProgram> {
  const cache = path.join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  linkConfig(path.join(cache, 'config'));
  const folder = mkdtempSync(path.join(cache, 'weir-test-'));
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: path.join(import.meta.dirname, entry),
      outDir: folder,
      minify: false,
      rollupOptions: { output: { entryFileNames: 'program.mjs' } },
    },
  });
  const file = path.join(folder, 'program.mjs');
  return {
    file,
    start: (args) => spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Programs find what is shipped with them at ../config; another test may be linking it at the same time. */
function linkConfig(link: string): void {
  try {
    symlinkSync(path.join(ROOT, 'config'), link);
  } catch (error) {
    if (!existsSync(link)) throw error;
  }
}
