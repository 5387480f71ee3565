// The house rules as a test: who may import what, which library lives where, what may not be called, and that the documents are true.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_TABLE, errorsPage } from '../common/runtime/error-table.ts';
import { LONGEST } from './support/longest-first.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const FOLDERS = ['common', 'agent', 'collector', 'billing-bridge', 'cli', 'simulator', 'bench'];
const APPS = ['agent', 'collector', 'billing-bridge'];

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface Source {
  /** Relative to the root, with `/`. */
  readonly file: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder)).flatMap((name) => {
    const place = `${folder}/${name}`;
    if (name === 'node_modules') return [];
    return statSync(path.join(ROOT, place)).isDirectory() ? filesBelow(place) : [place];
  });
}

function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^'";]*?\sfrom\s+)?'([^']+)'/gms)) {
    const clause = match[2] ?? '';
    const names =
      /\{([^}]*)\}/
        .exec(clause)?.[1]
        ?.split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '') ?? [];
    const allTypes = names.length > 0 && !/^\s*\w+\s*,/.test(clause) && names.every((name) => name.startsWith('type '));
    found.push({ specifier: match[3] ?? '', typeOnly: match[1] !== undefined || allTypes });
  }
  for (const match of text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g))
    found.push({ specifier: match[1] ?? '', typeOnly: false });
  return found;
}

const sources: readonly Source[] = FOLDERS.flatMap((folder) => filesBelow(folder))
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('collector/dashboard/web/'))
  .map((file) => {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    return { file, text, imports: importsOf(text) };
  });

function inside(source: Source): { readonly target: string; readonly typeOnly: boolean }[] {
  return source.imports
    .filter((one) => one.specifier.startsWith('.'))
    .map((one) => ({
      target: path.posix.join(path.posix.dirname(source.file), one.specifier),
      typeOnly: one.typeOnly,
    }));
}

const top = (file: string): string => file.split('/')[0] ?? '';
const stage = (file: string): string => file.split('/').slice(0, 2).join('/');
const isAppRoot = (file: string): boolean => APPS.includes(top(file)) && file.split('/').length === 2;

/** Messages and keys of SNMP: pure, without a session or a socket, so the receiver of traps reads with them too (docs/decisions/traps.md). */
const SNMP_CODEC = ['ber', 'message', 'oid', 'pdu', 'secured-message', 'usm', 'value', 'varbinds'].map(
  (name) => `agent/snmp/${name}.ts`,
);

function mayImport(from: string, target: string, typeOnly: boolean): boolean {
  const [fromTop, toTop] = [top(from), top(target)];
  if (fromTop === 'common') {
    if (toTop !== 'common') return false;
    if (stage(from) === 'common/model') return stage(target) === 'common/model';
    return (
      stage(from) === stage(target) ||
      ['common/model', 'common/runtime'].includes(stage(target)) ||
      (typeOnly && stage(target) === 'common/database')
    );
  }
  if (toTop === 'common') return fromTop !== 'agent' || stage(target) !== 'common/database';
  if (fromTop === 'cli' || fromTop === 'bench') return true;
  if (fromTop !== toTop) return false;
  if (!APPS.includes(fromTop) || isAppRoot(from) || stage(from) === stage(target)) return true;
  return typeOnly || (stage(from) === 'agent/trap' && SNMP_CODEC.includes(target));
}

/** Which folders may import a library; a prefix of the file's path. */
const LEASES: Readonly<Record<string, readonly string[]>> = {
  'net-snmp': ['agent/snmp/', 'simulator/'],
  fastify: ['common/http/', 'collector/api/', 'collector/ingest/', 'billing-bridge/api/'],
  bullmq: ['billing-bridge/queue/'],
  ioredis: ['billing-bridge/queue/'],
  '@influxdata/influxdb-client': ['collector/store/'],
  '@duckdb/node-api': ['collector/store/'],
  lmdb: ['common/journal/'],
  nodemailer: ['common/send/'],
  pino: ['common/runtime/reporter.ts'],
  'prom-client': ['common/runtime/reporter.ts'],
  pg: ['common/database/'],
  yaml: ['common/runtime/', 'agent/profile/', 'cli/', 'collector/faults/'],
  'playwright-core': ['bench/dashboard/'],
  '@prometheus-io/lezer-promql': ['collector/prometheus/'],
  '@lezer/common': ['collector/prometheus/'],
  zod: ['common/http/', 'common/runtime/', 'agent/', 'collector/', 'billing-bridge/', 'cli/'],
};

describe('imports', () => {
  test('stages and apps import only what the design lets them', () => {
    const wrong = sources.flatMap((source) =>
      inside(source)
        .filter((one) => !mayImport(source.file, one.target, one.typeOnly))
        .map((one) => `${source.file} -> ${one.target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('a library is used in the one place it is leased to', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((one) => !one.specifier.startsWith('.') && !one.specifier.startsWith('node:'))
        .filter((one) => {
          const library = one.specifier
            .split('/')
            .slice(0, one.specifier.startsWith('@') ? 2 : 1)
            .join('/');
          return LEASES[library]?.some((place) => source.file.startsWith(place)) !== true;
        })
        .map((one) => `${source.file} -> ${one.specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the rule itself refuses what it should', () => {
    expect(mayImport('agent/poll/a.ts', 'collector/store/b.ts', true)).toBe(false);
    expect(mayImport('collector/ingest/a.ts', 'collector/store/b.ts', false)).toBe(false);
    expect(mayImport('collector/ingest/a.ts', 'collector/store/b.ts', true)).toBe(true);
    expect(mayImport('common/model/a.ts', 'common/runtime/b.ts', false)).toBe(false);
    expect(mayImport('agent/spool/a.ts', 'common/database/pool.ts', false)).toBe(false);
    expect(mayImport('agent/trap/a.ts', 'agent/snmp/ber.ts', false)).toBe(true);
    expect(mayImport('agent/trap/a.ts', 'agent/snmp/transport.ts', false)).toBe(false);
    expect(mayImport('agent/poll/a.ts', 'agent/snmp/ber.ts', false)).toBe(false);
    expect(importsOf("import { type A, type B } from './a.ts';\nimport { c } from './c.ts';")).toEqual([
      { specifier: './a.ts', typeOnly: true },
      { specifier: './c.ts', typeOnly: false },
    ]);
  });
});

/** What no source may contain, why, and where it is right after all. */
const BANNED: readonly { readonly pattern: RegExp; readonly why: string; readonly except: readonly string[] }[] = [
  {
    pattern: /\bDate\.now\(\)|new Date\(\)|performance\.now\(\)/,
    why: 'time comes in through a Clock',
    except: ['common/runtime/clock.ts', 'cli/', 'bench/'],
  },
  { pattern: /\bMath\.random\(\)/, why: 'randomness comes in through a dependency', except: [] },
  {
    pattern: /\bprocess\.env\b/,
    why: 'the environment comes in through the command',
    except: ['cli/', 'common/database/embedded/'],
  },
  { pattern: /\bsetInterval\(/, why: 'a loop with a Clock can be stopped and tested', except: [] },
  { pattern: /\bconsole\./, why: 'the reporter logs', except: ['bench/'] },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, why: 'finish it or file it', except: [] },
  { pattern: /@ts-ignore|@ts-expect-error|as any\b|as unknown as\b/, why: 'the types must hold', except: [] },
  { pattern: /\bparseFloat\(/, why: 'money and octets are never floats', except: ['agent/', 'simulator/', 'bench/'] },
];

describe('sources', () => {
  test.each(BANNED)('no $pattern: $why', ({ pattern, except }) => {
    const found = sources
      .filter((source) => pattern.test(source.text) && !except.some((place) => source.file.startsWith(place)))
      .map((source) => source.file);
    expect(found).toEqual([]);
  });

  test('each file opens with a sentence on its job', () => {
    const silent = sources
      .filter((source) => !/^(#!.*\n)?(\/\/ |\/\*\*? ?)\S/.test(source.text))
      .map((source) => source.file);
    expect(silent).toEqual([]);
  });

  test('no default exports, enums or namespaces', () => {
    const found = sources
      .filter((source) => /^export default\b|^(export )?(const )?enum |^(export )?namespace /m.test(source.text))
      .map((source) => source.file);
    expect(found).toEqual([]);
  });

  test('no folder or file called utils, helpers, manager or index', () => {
    const found = sources
      .filter((source) => /(^|\/)(utils?|helpers?|manager|index|misc|common)\.tsx?$/.test(source.file))
      .map((source) => source.file);
    expect(found).toEqual([]);
  });
});

describe('documents', () => {
  test('docs/errors.md is the error table', () => {
    expect(readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8')).toBe(errorsPage());
  });

  test('every error code is thrown somewhere', () => {
    const all = sources
      .filter((source) => !source.file.startsWith('common/runtime/error-codes/'))
      .map((source) => source.text)
      .join('\n');
    const unused = Object.keys(ERROR_TABLE).filter((code) => !all.includes(`'${code}'`));
    expect(unused).toEqual([]);
  });

  test('every configuration key is explained in docs/configuration.md', () => {
    const page = readFileSync(path.join(ROOT, 'docs/configuration.md'), 'utf8');
    const files = sources.filter(
      (source) =>
        /(^|\/)(config|device-configuration|configuration)\.ts$/.test(source.file) &&
        !source.file.startsWith('cli/') &&
        source.file !== 'common/runtime/configuration.ts',
    );
    expect(files.length).toBeGreaterThan(2);
    const keys = files.flatMap((source) =>
      [...source.text.matchAll(/^\s+([a-z][a-z0-9_]*): (?:z\.|[a-zA-Z]+Schema\b)/gm)].map((match) => match[1] ?? ''),
    );
    const missing = [...new Set(keys)].filter((key) => !page.includes(`\`${key}\``));
    expect(missing).toEqual([]);
  });

  test('the lock file names no download address', () => {
    expect(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')).not.toContain('"resolved": "http');
  });
});

test('the test files that come first are there', () => {
  expect(LONGEST.filter((file) => !existsSync(path.join(ROOT, 'tests', file)))).toEqual([]);
});
