// Supervision: a child that dies is started again, ever more slowly; a stop ends all in order; logs, lock and tokens of the data folder.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BoundedLog } from '../../cli/supervise/bounded-log.ts';
import { refusalIn, SupervisedChild } from '../../cli/supervise/child.ts';
import { holdDataFolder, tokensOf } from '../../cli/supervise/data-folder.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { startAll, stopAll } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { freePortBlock } from '../support/free-port.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { ROOT, waitFor } from '../support/weir-process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-supervise-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that notes what befalls it: `started` and `stopped NAME` in a file, readiness over HTTP, an end when asked for one. */
const PROGRAM = `
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
const [name, port, notes, habit] = process.argv.slice(2);
const note = (text) => appendFileSync(notes, text + ' ' + name + ' ' + performance.timeOrigin + '\\n');
note('started');
console.log('a line of ' + name);
if (habit === 'dies') process.exit(3);
if (habit === 'refuses') { process.stderr.write('weir: The port is taken.\\n      Stop it. [port_in_use]\\n'); process.exit(1); }
const server = createServer((request, response) => {
  response.end('ready');
  if (request.url === '/die') setTimeout(() => process.exit(7), 10);
  if (request.url === '/abort') setTimeout(() => process.kill(process.pid, 'SIGKILL'), 10);
});
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => {
  if (habit === 'stubborn') return;
  setTimeout(() => { note('stopped'); process.exit(0); }, 100);
});
process.on('SIGHUP', () => note('reloaded'));
process.on('disconnect', () => { note('orphaned'); process.exit(0); });
`;

interface Rig {
  readonly child: SupervisedChild;
  readonly told: string[];
  readonly url: string;
}

async function childOf(name: string, habit = 'good', port?: number): Promise<Rig> {
  const entry = path.join(folder, 'program.mjs');
  writeFileSync(entry, PROGRAM);
  const own = port ?? (await freePortBlock(1));
  const url = `http://127.0.0.1:${own}`;
  const told: string[] = [];
  const child = new SupervisedChild(
    silentReporter().reporter,
    {
      name,
      args: [name, String(own), path.join(folder, 'notes'), habit],
      nodeFlags: [],
      environment: {},
      readyUrl: `${url}/readyz`,
    },
    {
      clock: new SystemClock(),
      log: new BoundedLog(path.join(folder, `${name}.log`), 100_000),
      random: () => 0,
      entry,
      tell: (line) => void told.push(line),
    },
  );
  return { child, told, url };
}

const notes = (): string[] => {
  const file = path.join(folder, 'notes');
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' ').slice(0, 2).join(' '))
    : [];
};
const startTimes = (): number[] =>
  readFileSync(path.join(folder, 'notes'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('started'))
    .map((line) => Number(line.split(' ')[2]));
const isUp = (url: string): Promise<boolean> =>
  fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );

describe('a supervised child', () => {
  test('is up when start resolves, is started again when it dies, and ends with stop', async () => {
    const { child, told, url } = await childOf('one');
    await child.start();
    expect(await isUp(url)).toBe(true);
    const first = child.pid;
    await fetch(`${url}/die`);
    await waitFor(
      () => notes().length === 2,
      15_000,
      () => 'a second start',
    );
    await waitFor(
      () => isUp(url),
      15_000,
      () => 'it to be up again',
    );
    expect(child.pid).not.toBe(first);
    await fetch(`${url}/abort`);
    await waitFor(
      () => notes().length === 3,
      15_000,
      () => 'a third start',
    );
    expect(told[0]).toMatch(/^one ended with code 7.*starting it again/);
    expect(told[1]).toMatch(/^one was ended by SIGKILL.*starting it again/);
    await waitFor(
      () => isUp(url),
      15_000,
      () => 'it to be up again',
    );
    await child.stop();
    await child.stop();
    expect(notes().at(-1)).toBe('stopped one');
    expect(await isUp(url)).toBe(false);
    expect(readFileSync(path.join(folder, 'one.log'), 'utf8').match(/a line of one/g)).toHaveLength(3);
  }, 60_000);

  test('that dies again and again is started ever more slowly, and a stop ends even that', async () => {
    const { child } = await childOf('dying', 'dies');
    const started = child.start();
    await waitFor(
      () => notes().length >= 4,
      30_000,
      () => 'four starts',
    );
    const times = startTimes();
    const pauses = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    // Half of 500, 1000, 2000 ms at least, whatever a start takes.
    expect(pauses[0]).toBeGreaterThanOrEqual(240);
    expect(pauses[1]).toBeGreaterThanOrEqual(490);
    expect(pauses[2]).toBeGreaterThanOrEqual(990);
    await child.stop();
    await started;
    const count = notes().length;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(notes().length).toBe(count);
  }, 60_000);

  test('that refuses to start with a code is given up with it', async () => {
    const { child } = await childOf('refusing', 'refuses');
    const error: unknown = await child.start().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(WeirError);
    expect(error).toMatchObject({ code: 'port_in_use', message: 'The port is taken.' });
    await child.stop();
    expect(refusalIn('weir: a stack\n    at somewhere', 'x')).toBeNull();
    expect(refusalIn('weir: Said.\n      Do that. [no_such_code]\n', 'x')).toBeNull();
  }, 60_000);

  test('that does not heed SIGTERM is ended all the same', async () => {
    const { child, url } = await childOf('stubborn', 'stubborn');
    await child.start();
    await child.stop();
    expect(await isUp(url)).toBe(false);
    expect(notes()).toEqual(['started stubborn']);
  }, 60_000);

  test('is asked to read its configuration again, and goes on', async () => {
    const { child, url } = await childOf('reloading');
    child.reload();
    await child.start();
    child.reload();
    await waitFor(
      () => notes().length === 2,
      15_000,
      () => 'the reload',
    );
    expect([notes(), await isUp(url)]).toEqual([['started reloading', 'reloaded reloading'], true]);
    await child.stop();
  }, 60_000);

  test('several are started in order and stopped in the other', async () => {
    const port = await freePortBlock(3);
    const rigs = [
      await childOf('one', 'good', port),
      await childOf('two', 'good', port + 1),
      await childOf('three', 'good', port + 2),
    ];
    const children = rigs.map((rig) => rig.child);
    await startAll(children);
    await stopAll(children);
    expect(notes()).toEqual([
      'started one',
      'started two',
      'started three',
      'stopped three',
      'stopped two',
      'stopped one',
    ]);
  }, 60_000);

  test('a weir process ends by itself when its supervisor is gone', async () => {
    const port = await freePortBlock(1);
    const file = path.join(folder, 'weir.yaml');
    writeFileSync(file, `agent: { health_port: ${port} }\n`);
    const args = [path.join(ROOT, 'dist/cli/weir.js'), 'agent', '--config', file, '--data', path.join(folder, 'data')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      await waitFor(
        () => isUp(`http://127.0.0.1:${port}/healthz`),
        20_000,
        () => 'the agent to be up',
      );
      child.disconnect();
      expect(await ended).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  }, 60_000);
});

describe('a bounded log', () => {
  test('never takes more than its bound, keeps the newest lines, and goes on over a restart', () => {
    const file = path.join(folder, 'log');
    const size = (place: string): number => (existsSync(place) ? statSync(place).size : 0);
    let written = 0;
    for (let start = 0; start < 3; start += 1) {
      const log = new BoundedLog(file, 10_000);
      for (let line = 0; line < 500; line += 1) {
        log.write(Buffer.from(`line ${String(written).padStart(6, '0')}\n`));
        written += 1;
        expect(size(file) + size(`${file}.1`)).toBeLessThanOrEqual(10_000);
      }
      log.close();
      log.close();
    }
    const kept = `${readFileSync(`${file}.1`, 'utf8')}${readFileSync(file, 'utf8')}`.trim().split('\n');
    expect(kept.at(-1)).toBe(`line ${String(written - 1).padStart(6, '0')}`);
    expect(kept.length).toBeGreaterThan(400);
    for (const [at, line] of kept.entries())
      expect(line).toBe(`line ${String(written - kept.length + at).padStart(6, '0')}`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('a folder that is gone loses lines, not the process, and counts them', () => {
    const log = new BoundedLog(path.join(folder, 'none', 'log'), 1000);
    log.write(Buffer.from('lost'));
    expect(log.lostBytes).toBe(4);
    mkdirSync(path.join(folder, 'none'));
    log.write(Buffer.from('kept'));
    expect(readFileSync(path.join(folder, 'none', 'log'), 'utf8')).toBe('kept');
    log.close();
  });
});

describe('the data folder', () => {
  const codeOf = (work: () => unknown): string => {
    try {
      work();
      return 'no error';
    } catch (error) {
      return error instanceof WeirError ? error.code : String(error);
    }
  };

  test('is made for its owner only, held by one at a time, and let go', () => {
    const place = path.join(folder, 'data');
    const release = holdDataFolder(place);
    expect(statSync(place).mode & 0o777).toBe(0o700);
    expect(codeOf(() => holdDataFolder(place))).toBe('data_folder_in_use');
    release();
    holdDataFolder(place)();
  });

  test('a lock that a dead process or a crash left behind is no obstacle', () => {
    const place = path.join(folder, 'data');
    mkdirSync(place);
    for (const left of ['', '{"pid":', JSON.stringify({ pid: 2 ** 22 + 1, since: '1', started: '1' })]) {
      writeFileSync(path.join(place, 'weir.lock'), left);
      holdDataFolder(place)();
    }
  });

  test('that cannot be one is told with a code', () => {
    const place = path.join(folder, 'file');
    writeFileSync(place, '');
    expect(codeOf(() => holdDataFolder(path.join(place, 'data')))).toBe('data_folder_unusable');
  });

  test('keeps three different tokens, readable by its owner only, the same at every start', () => {
    const first = tokensOf(folder, undefined);
    const file = path.join(folder, 'tokens.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(new Set(Object.values(first)).size).toBe(3);
    for (const token of Object.values(first)) expect(token).toMatch(/^weir_[A-Za-z0-9_-]{43}$/);
    expect(tokensOf(folder, undefined)).toEqual(first);
    expect(tokensOf(folder, '')).toEqual(first);
    expect(tokensOf(folder, 'given')).toEqual({ ...first, administrator: 'given' });
    expect(readFileSync(file, 'utf8')).not.toContain('given');
    appendFileSync(file, 'damage');
    expect(codeOf(() => tokensOf(folder, undefined))).toBe('data_folder_unusable');
  });
});
