// The built agent as a process: its thread starts from the build, and an inform that was answered is on the disk though the process is killed at once.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { SPOOL_DEFAULTS, Spool } from '../../../agent/spool/spool.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { decodeBatch } from '../../../common/wire/batch-codec.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startWeir, type WeirProcess } from '../../support/weir-process.ts';

const INFORMS = 5;

let folder = '';
let agent: WeirProcess | null = null;

afterEach(async () => {
  await agent?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function inform(port: number, uptimeTicks: number): Promise<number | null> {
  const args = ['-v', '2c', '-c', 'public', '-r', '3', '-t', '3', `127.0.0.1:${port}`, String(uptimeTicks)];
  const env = { ...process.env, SNMPCONFPATH: folder, SNMP_PERSISTENT_DIR: folder, MIBS: '' };
  const child = spawn('/usr/bin/snmpinform', [...args, '1.3.6.1.6.3.1.1.5.1'], { env, stdio: 'ignore' });
  return new Promise((resolve) => child.once('close', resolve));
}

/** The events in a copy of a spool. */
async function spooled(place: string): Promise<DeviceEvent[]> {
  const copy = path.join(folder, 'copy');
  cpSync(place, copy, { recursive: true });
  const config = { ...SPOOL_DEFAULTS, agent: 'north', folder: copy, maxBytes: 1e9, maxAgeMs: 1e12 };
  const spool = new Spool(silentReporter().reporter, config, { clock: new SystemClock(), freeBytes: () => 1e12 });
  await spool.start();
  const events: DeviceEvent[] = [];
  for (let batch = await spool.next(0); batch !== null; batch = await spool.next(batch.sequence))
    events.push(...decodeBatch(batch.bytes).events);
  await spool.stop();
  return events;
}

describeWith('snmp', 'the agent as it is built', () => {
  test('what was acknowledged survives kill -9', async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-trap-process-'));
    const trapPort = await freePortBlock(1);
    const configuration = path.join(folder, 'weir.yaml');
    writeFileSync(
      configuration,
      [
        'agent:',
        '  name: north',
        `  health_port: ${await freePortBlock(1)}`,
        `  collector_url: http://127.0.0.1:${await freePortBlock(1)}`,
        `  traps: { port: ${trapPort} }`,
        "credentials: { c: { version: '2c', community: public } }",
        `devices: [{ name: core1, address: '127.0.0.1:${await freePortBlock(1)}', credential: c }]`,
        '',
      ].join('\n'),
    );
    const data = path.join(folder, 'data');
    agent = startWeir(['agent', '--config', configuration, '--data', data], {
      environment: { WEIR_AGENT_TOKEN: 'weir_of_this_test' },
    });
    await agent.says('traps are received', 30_000);
    const codes = await Promise.all(Array.from({ length: INFORMS }, (_, at) => inform(trapPort, 1000 + at)));
    await agent.kill('SIGKILL');
    expect(codes).toEqual(codes.map(() => 0));
    const events = await spooled(path.join(data, 'agent/north/spool'));
    expect(events.map(({ device, name, uptimeTicks }) => `${device} ${name} ${uptimeTicks}`).toSorted()).toEqual(
      Array.from({ length: INFORMS }, (_, at) => `core1 coldStart ${1000 + at}`),
    );
  }, 60_000);
});
