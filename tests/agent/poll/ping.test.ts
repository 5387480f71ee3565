// The system's ping: what its output proves, how many at once, what never reaches its command line. With a program of our own where it must be real.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Ping, pingResult, type PingOutput, type PingRunner, systemPing } from '../../../agent/poll/ping.ts';
import { describeWith } from '../../support/requirements.ts';

const SENT_2_GOT_0 = '2 packets transmitted, 0 received, 100% packet loss, time 1001ms';
const never = new AbortController().signal;

describe('the output of ping', () => {
  const cases: readonly [string, number | null, string, string][] = [
    ['an answer (iputils)', 0, '2 packets transmitted, 2 received, 0% packet loss, time 1001ms', 'answers'],
    ['one of two answers', 0, '2 packets transmitted, 1 received, 50% packet loss', 'answers'],
    ['none (iputils)', 1, SENT_2_GOT_0, 'silent'],
    ['none (BusyBox)', 1, '2 packets transmitted, 0 packets received, 100% packet loss', 'silent'],
    ['no such host', 2, '', 'unknown'],
    ['not permitted (BusyBox)', 1, 'ping: permission denied (are you root?)', 'unknown'],
    ['no route: nothing was sent', 1, '0 packets transmitted, 0 received', 'unknown'],
    ['ended by us', null, SENT_2_GOT_0, 'unknown'],
  ];
  test.each(cases)('%s', (_, exitCode, output, result) => {
    expect(pingResult(exitCode, output)).toBe(result);
  });
});

describe('asking', () => {
  function pingOf(run: PingRunner): { ping: Ping; clock: { ms: number } } {
    const clock = { ms: 0 };
    return { ping: new Ping({ run, monotonicMs: () => clock.ms }), clock };
  }
  const answered: PingOutput = { exitCode: 0, output: '', missing: false };

  test.each(['-f', '--help', '', 'a b', '$(reboot)', ';ls', '127.0.0.1 -f', '%eth0'])(
    '%j never reaches the command line',
    async (host) => {
      const asked: (readonly string[])[] = [];
      const { ping } = pingOf((args) => {
        asked.push(args);
        return Promise.resolve(answered);
      });
      expect(await ping.ask(host, never)).toBe('unknown');
      expect(asked).toEqual([]);
    },
  );

  test.each(['127.0.0.1', '::1', 'fe80::1%eth0', 'core1.example.net', 'core_1'])('%s does', async (host) => {
    const asked: (readonly string[])[] = [];
    const { ping } = pingOf((args) => {
      asked.push(args);
      return Promise.resolve(answered);
    });
    expect(await ping.ask(host, never)).toBe('answers');
    expect(asked[0]?.at(-1)).toBe(host);
  });

  test('no more than 32 at once, and all in the end', async () => {
    const waiting: (() => void)[] = [];
    let [running, most] = [0, 0];
    const { ping } = pingOf(
      () =>
        new Promise((resolve) => {
          running += 1;
          most = Math.max(most, running);
          waiting.push(() => {
            running -= 1;
            resolve(answered);
          });
        }),
    );
    const all = Promise.all(Array.from({ length: 100 }, () => ping.ask('127.0.0.1', never)));
    let done = false;
    void all.then(() => {
      done = true;
    });
    while (!done) {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBe(32);
    expect(new Set(await all)).toEqual(new Set(['answers']));
  });

  test('where there is no ping it is looked for again after ten minutes, not at every poll', async () => {
    let starts = 0;
    const { ping, clock } = pingOf(() => {
      starts += 1;
      return Promise.resolve({ exitCode: null, output: '', missing: true });
    });
    for (let turn = 0; turn < 10; turn += 1) expect(await ping.ask('127.0.0.1', never)).toBe('unknown');
    expect(starts).toBe(1);
    expect(ping.available).toBe(false);
    clock.ms = 600_000;
    await ping.ask('127.0.0.1', never);
    expect(starts).toBe(2);
  });

  test('a poll whose time is over is not answered', async () => {
    const over = new AbortController();
    const { ping } = pingOf(() => Promise.resolve(answered));
    over.abort('over');
    expect(await ping.ask('127.0.0.1', over.signal)).toBe('unknown');
  });
});

describe('the program', () => {
  let folder = '';
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** A `ping` that is this shell script, alone in its PATH. */
  function program(script: string): PingRunner {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-ping-'));
    const place = path.join(folder, 'ping');
    writeFileSync(place, `#!/bin/sh\n${script}\n`);
    chmodSync(place, 0o755);
    return systemPing(folder);
  }

  test('gets its arguments as they are, and nothing of our environment but the language and the path', async () => {
    process.env['WEIR_PING_TEST_SECRET'] = 'hidden';
    const run = program('echo "$*"; /usr/bin/env');
    const { exitCode, output } = await run(['-c', '1', '127.0.0.1'], 5000);
    delete process.env['WEIR_PING_TEST_SECRET'];
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^-c 1 127\.0\.0\.1$/m);
    expect(output).toMatch(/^LC_ALL=C$/m);
    expect(output).not.toContain('hidden');
  });

  test('that ends with 1 and its counts is silence', async () => {
    const { exitCode, output } = await program(`echo "${SENT_2_GOT_0}"; exit 1`)([], 5000);
    expect(pingResult(exitCode, output)).toBe('silent');
  });

  test('that hangs is ended', async () => {
    const started = Date.now();
    const { exitCode, missing } = await program('exec /bin/sleep 30')([], 200);
    expect({ exitCode, missing }).toEqual({ exitCode: null, missing: false });
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  test('that is not there is missing', async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-ping-'));
    expect(await systemPing(folder)([], 1000)).toMatchObject({ missing: true });
  });
});

describeWith(['iputils-ping'], 'the real ping', () => {
  const ping = new Ping({ run: systemPing(process.env['PATH']), monotonicMs: () => 0 });

  test.each(['127.0.0.1', '::1'])('%s answers', async (host) => {
    expect(await ping.ask(host, never)).toBe('answers');
  });
});
