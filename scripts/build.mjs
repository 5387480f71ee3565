// Builds dist/: TypeScript by tsc, the dashboard by Vite. Does nothing when dist/ is newer than every source.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileProfiles } from './compile-profiles.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SOURCES = [
  'common',
  'agent',
  'collector',
  'billing-bridge',
  'cli',
  'simulator',
  'bench',
  'config',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const STAMP = path.join(root, 'dist', '.built');

function newest(place) {
  const entry = statSync(place);
  if (!entry.isDirectory()) return entry.mtimeMs;
  return readdirSync(place).reduce((latest, name) => Math.max(latest, newest(path.join(place, name))), entry.mtimeMs);
}

function run(tool, args, cwd = root) {
  const done = spawnSync(process.execPath, [path.join(root, 'node_modules', tool), ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (done.status !== 0) {
    process.stderr.write(`${done.stdout}${done.stderr}\nweir: the build failed\n`);
    process.exit(1);
  }
}

/** Brings dist/ up to date. */
export async function build({ force = false } = {}) {
  const present = SOURCES.map((name) => path.join(root, name)).filter((place) => existsSync(place));
  const latest = Math.max(...present.map(newest));
  if (!force && existsSync(STAMP) && statSync(STAMP).mtimeMs >= latest) return;
  const started = Date.now();
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  run('typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  if (existsSync(path.join(root, 'collector/dashboard/web/index.html')))
    run('vite/bin/vite.js', ['build', '--config', 'collector/dashboard/web/vite.config.ts', '--logLevel', 'warn']);
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  cpSync(path.join(root, 'config'), path.join(root, 'dist', 'config'), { recursive: true });
  await compileProfiles(path.join(root, 'dist', 'config', 'profiles'));
  cpSync(path.join(root, 'package.json'), path.join(root, 'dist', 'package.json'));
  writeFileSync(STAMP, String(latest));
  if (process.stderr.isTTY) process.stderr.write(`weir: built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ force: process.argv.includes('--force') });
