// An announcer that is killed again and again while alarms come and go: none is lost, and none goes out under two keys.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { eventually } from '../../support/collector-fixture.ts';
import { Receiver } from '../../support/telling-machine.ts';
import { TellingRig } from '../../support/telling-rig.ts';
import { HOOK_SECRET } from '../../support/webhook-server.ts';

const KILLS = 6;
const ALARMS = 12;

let rig: TellingRig;
let program: BundledProgram;

beforeAll(async () => {
  [rig, program] = await Promise.all([TellingRig.start(), bundledProgram('announce-until-killed.ts')]);
  rig.hooks.now = () => Date.now();
}, 90_000);
afterAll(async () => {
  program.remove();
  await rig.stop();
});

test('killed six times in the middle of telling', { timeout: 240_000 }, async () => {
  for (let round = 0; round < KILLS; round += 1) {
    for (let at = 0; at < ALARMS; at += 1) await rig.raise(`core${round}-${at}`);
    // Of the round before, half is over.
    if (round > 0) for (let at = 0; at < ALARMS; at += 2) await rig.clear(`core${round - 1}-${at}`);
    const child = program.start([rig.server.url, `${rig.hooks.url}/noc`, HOOK_SECRET]);
    const before = rig.hooks.hooks.length;
    // Killed after a few messages, at another place each time.
    await eventually(async () => rig.hooks.hooks.length >= before + 1 + round, 'some messages', 60_000);
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const last = program.start([rig.server.url, `${rig.hooks.url}/noc`, HOOK_SECRET]);
  try {
    await eventually(
      async () => {
        const { rows } = await rig.database.query<{ left: bigint }>(
          `select (select count(*) from tell.message where state in ('intended', 'sending'))
                + (select count(*) from faults.alarm where not is_cleared
                    and id not in (select alarm from tell.ledger where severity is not null)) 
                + (select count(*) from faults.alarm join tell.ledger on ledger.alarm = alarm.id
                    where is_cleared and ledger.severity is not null) as left`,
        );
        return rows[0]?.left === 0n;
      },
      'all is told',
      120_000,
    );
  } finally {
    last.kill('SIGKILL');
    await once(last, 'exit');
  }
  const receiver = new Receiver();
  for (const { key, body } of rig.hooks.hooks)
    receiver.take({
      key,
      covers: body.alarms.map(({ alarm, kind, severity, operatorState }) => ({
        alarm,
        kind,
        belief: kind === 'cleared' ? null : { severity, operatorState },
      })),
    });
  expect(receiver.complaints).toEqual([]);
  const { rows } = await rig.database.query<{ id: bigint }>(
    'select id from faults.alarm where not is_cleared order by id',
  );
  expect([...receiver.believed.keys()].toSorted()).toEqual(rows.map(({ id }) => id.toString()).toSorted());
  // Each that was raised and not over before somebody looked was told, under one key.
  const told = rig.hooks.told();
  expect(told.filter((text) => text.startsWith('raised')).length).toBe(
    new Set(told.filter((text) => text.startsWith('raised'))).size,
  );
  for (const { id } of rows) expect(told).toContain(`raised ${id}`);
});
