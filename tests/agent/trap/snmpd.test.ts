// A real snmpd that is polled by version 3 and speaks by itself: its traps are believed under the engine that polling learnt, its informs are answered.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { agentConfig, agentOnlySchema } from '../../../agent/config.ts';
import { createAgent } from '../../../agent/main.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import type { BundledProgram } from '../../support/bundled-program.ts';
import { CollectorDouble } from '../../support/collector-double.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { trapProgram } from '../../support/trap-rig.ts';
import { waitFor } from '../../support/weir-process.ts';

const AUTH = 'authentication-passphrase';
const PRIV = 'privacy-passphrase';

let worker: BundledProgram;
let folder = '';
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  worker = await trapProgram();
});
afterAll(() => worker.remove());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

/** snmpd that sends what it notices to the trap port as the user, and notices wrong communities. */
function startSnmpd(port: number, trapPort: number, session: string): void {
  const state = path.join(folder, 'state');
  mkdirSync(state);
  const configuration = path.join(folder, 'snmpd.conf');
  writeFileSync(
    configuration,
    [
      `agentaddress udp:127.0.0.1:${port}`,
      `createUser watcher SHA ${AUTH} AES ${PRIV}`,
      'rouser watcher authpriv',
      'authtrapenable 1',
      `trapsess ${session} -v 3 -u watcher -l authPriv -a SHA -A ${AUTH} -x AES -X ${PRIV} 127.0.0.1:${trapPort}`,
      '',
    ].join('\n'),
  );
  const args = ['-f', '-LE', '3', '-C', '-c', configuration, '-p', path.join(folder, 'snmpd.pid')];
  const env = { ...process.env, SNMP_PERSISTENT_DIR: state, SNMPCONFPATH: folder, MIBS: '' };
  const child = spawn('/usr/sbin/snmpd', args, { env, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  cleanups.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
}

/** A question under a community that nobody has. */
function provoke(port: number): Promise<void> {
  const env = { ...process.env, SNMPCONFPATH: folder, MIBS: '' };
  const args = ['-v', '2c', '-c', 'nobody', '-r', '0', '-t', '0.3', `127.0.0.1:${port}`, '1.3.6.1.2.1.1.3.0'];
  const child = spawn('/usr/bin/snmpget', args, { env, stdio: 'ignore' });
  return new Promise((resolve) => child.once('close', () => resolve()));
}

describeWith(['snmpd', 'snmp'], 'a polled device that speaks by itself', () => {
  test.each([
    ['trap', ''],
    ['inform', '-Ci'],
  ])(
    'an authPriv %s of the device that is polled as the same user',
    async (origin, session) => {
      folder = mkdtempSync(path.join(tmpdir(), 'weir-trap-snmpd-'));
      const [port, trapPort] = [await freePortBlock(1), await freePortBlock(1)];
      const double = new CollectorDouble();
      const listening = await double.listen();
      cleanups.push(() => listening.close());
      const whole = agentOnlySchema.parse({
        agent: {
          health_port: await freePortBlock(1),
          poll_interval_ms: 2000,
          timeout_ms: 1000,
          first_poll_within_ms: 0,
          collector_url: listening.url,
          token: double.token,
          traps: { port: trapPort },
        },
        credentials: {
          v3: {
            version: '3',
            user: 'watcher',
            level: 'authPriv',
            auth_protocol: 'SHA',
            auth_passphrase: AUTH,
            priv_protocol: 'AES',
            priv_passphrase: PRIV,
          },
        },
        devices: [{ name: 'server1', address: `127.0.0.1:${port}`, credential: 'v3' }],
      });
      const { reporter, lines } = silentReporter();
      const agent = createAgent(
        reporter,
        { ...agentConfig(whole, {}), dataFolder: path.join(folder, 'data') },
        {
          clock: new SystemClock(),
          environment: {},
          freeBytes: () => 1e12,
          trapWorkerFile: pathToFileURL(worker.file),
        },
      );
      await agent.start();
      cleanups.push(() => agent.stop());
      startSnmpd(port, trapPort, session);
      const failures = (): DeviceEvent[] =>
        double.appliedBatches
          .flatMap((batch) => batch.events)
          .filter((event) => event.name === 'authenticationFailure');
      await waitFor(
        async () => {
          await provoke(port);
          return failures().length > 0;
        },
        40_000,
        () => `an event; ${lines.slice(-20).join('')}`,
      );
      expect(failures()[0]).toMatchObject({ device: 'server1', origin, source: '127.0.0.1', interfaceKey: null });
    },
    90_000,
  );
});
