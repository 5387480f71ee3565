// What may be set of a simulated network: ports and their power under the write community, all of a request or nothing, each refusal by its name.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { oidOf } from '../../agent/snmp/oid.ts';
import type { SetVarbind } from '../../agent/snmp/set-value.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { fleet } from '../../simulator/fleet.ts';
import { Simulator } from '../../simulator/simulator.ts';
import { freePortBlock } from '../support/free-port.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { testAccess } from '../support/snmp-access.ts';

const ADMIN = '1.3.6.1.2.1.2.2.1.7.10101';
const OPER = '1.3.6.1.2.1.2.2.1.8.10101';
const POWER = '1.3.6.1.2.1.105.1.1.1.3.1.1';
const SYS_NAME = '1.3.6.1.2.1.1.5.0';

const { access } = testAccess({ timeoutMs: 1000, retries: 1 });
let simulator: Simulator;
let port = 0;

beforeAll(async () => {
  port = await freePortBlock(1);
  simulator = new Simulator(
    silentReporter().reporter,
    {
      network: fleet(1, 2),
      seed: 1,
      portBase: port,
      firstAddress: null,
      community: 'public',
      writeCommunity: 'writer',
      truthPort: null,
      dataFolder: null,
    },
    { clock: new SystemClock() },
  );
  await simulator.start();
  await access.start();
});
afterAll(async () => {
  await access.stop();
  await simulator.stop();
});

const session = (community: string, version: '1' | '2c' = '2c') =>
  access.openSession({ host: '127.0.0.1', port }, { version, community });
const value = (oid: string, number: number): SetVarbind => ({
  oid: oidOf(oid),
  type: 'integer',
  value: String(number),
});
async function read(oid: string): Promise<number> {
  return (await session('public').get([oidOf(oid)])).varbinds.number(0);
}

test('a port goes down and comes up, and so does its power', async () => {
  const writer = session('writer');
  for (const [oid, off] of [
    [ADMIN, 2],
    [POWER, 2],
  ] as const) {
    expect((await writer.set([value(oid, off)])).errorStatus).toBe(0);
    expect([await read(oid), await read(OPER)]).toEqual([2, 2]);
    expect((await writer.set([value(oid, 1)])).errorStatus).toBe(0);
    expect([await read(oid), await read(OPER)]).toEqual([1, 1]);
  }
});

test.for([
  ['another community', 'public', '2c', [value(ADMIN, 2)], [17, 1]],
  ['what cannot be set', 'writer', '2c', [value(ADMIN, 2), value(SYS_NAME, 2)], [17, 2]],
  ['what there is not', 'writer', '2c', [value('1.3.6.1.2.1.2.2.1.7.9', 2)], [17, 1]],
  ['a value that it may not have', 'writer', '2c', [value(ADMIN, 9)], [10, 1]],
  ['a value of another type', 'writer', '2c', [{ oid: oidOf(ADMIN), type: 'octets', value: 'down' }], [7, 1]],
  ['the same of version 1', 'writer', '1', [value(ADMIN, 9)], [3, 1]],
  ['what cannot be set, of version 1', 'writer', '1', [value(SYS_NAME, 9)], [2, 1]],
] as const)('%s is refused, and nothing of the request is set', async ([, community, version, varbinds, refusal]) => {
  const { errorStatus, errorIndex } = await session(community, version).set(varbinds);
  expect([errorStatus, errorIndex]).toEqual(refusal);
  expect(await read(ADMIN)).toBe(1);
});
