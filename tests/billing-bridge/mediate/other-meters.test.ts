// Meters beside octets through mediation on a real PostgreSQL: energy, power, packets; in order or late, and proven by mediating them again.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { BUCKET, MediationFixture, MINUTE, T0 } from '../../support/mediation-fixture.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
  await MediationFixture.empty(server.database);
});
afterAll(() => server.stop());

/** A power unit with one outlet; the pairs are energy, power, current. */
async function outlet(): Promise<{ fixture: MediationFixture; layout: number; device: string }> {
  const fixture = await MediationFixture.beside(server.database);
  const device = `pdu${fixture.source.port('x', 'x').in}`;
  const classes = ['energy', 'power', 'current'] as const;
  const layout = fixture.source.layout(
    device,
    classes.map((one) => ({
      name: 'outlet:1',
      class: one,
      speedBps: one === 'energy' ? '222223' : null,
    })),
  );
  return { fixture, layout, device };
}

function polled(fixture: MediationFixture, layout: number, minute: number, mWh: bigint, mW: bigint): void {
  fixture.source.poll({
    layout,
    atMs: T0 + minute * MINUTE,
    octets: [
      [mWh, null],
      [mW, mW],
      [null, null],
    ],
    uptimeTicks: 100_000 + minute * 6000,
  });
}

test('energy and power of an outlet, a reset by hand, a silence, and a late reading', async () => {
  const { fixture, layout, device } = await outlet();
  const energy = fixture.source.port(device, 'outlet:1 energy').in;
  const power = fixture.source.port(device, 'outlet:1 power');
  // 600 W: 10 Wh a minute. The counter is set to nothing by hand at minute 4.
  for (const minute of [0, 1, 2, 3]) polled(fixture, layout, minute, 10_000_000n + BigInt(minute) * 10_000n, 600_000n);
  polled(fixture, layout, 4, 500n, 600_000n);
  polled(fixture, layout, 5, 10_500n, 1_200_000n);
  // Nothing for five minutes, then twice the power.
  polled(fixture, layout, 10, 110_500n, 1_200_000n);
  polled(fixture, layout, 11, 130_500n, 1_200_000n);
  fixture.source.watermark(device, T0 + 60 * MINUTE);
  await fixture.run();
  expect(await fixture.told(energy)).toEqual([
    '0 v1: good 40000, 4 min lost 1',
    '5 v1: gap 100000, 5 min gap 5',
    '10 v1: good 20000, 1 min',
  ]);
  const heldOf = (watts: number, minutes: number): string => String(watts * 1000 * minutes * MINUTE);
  expect(await fixture.told(power.in)).toEqual([
    `0 v1: good ${heldOf(600, 5)}, 5 min`,
    `5 v1: gap ${heldOf(1200, 5)}, 5 min gap 5`,
    `10 v1: good ${heldOf(1200, 1)}, 1 min`,
  ]);
  expect((await fixture.told(power.out))[0]).toBe(`0 v1: good ${600_000 * 4 * MINUTE + 900_000 * MINUTE}, 5 min`);
  expect(await fixture.store.metersOf(device, 'outlet:1')).toBeNull();
  expect((await fixture.store.totals(T0, T0 + BUCKET)).filter(({ meter }) => meter.device === device)).toEqual([]);
  expect((await fixture.store.allMeters()).map(({ id, class: one, direction }) => [id, one, direction])).toContainEqual(
    [power.out, 'power', 'out'],
  );
  // A reading of minute 7 comes late: what was a gap is one of two minutes and one of three.
  polled(fixture, layout, 7, 30_500n, 300_000n);
  await fixture.run();
  expect((await fixture.told(energy))[1]).toBe('5 v1: gap 100000, 5 min gap 5');
  expect((await fixture.told(power.in))[1]).toBe(
    `5 v2: gap ${BigInt(heldOf(1200, 2)) + BigInt(heldOf(300, 3))}, 5 min gap 5`,
  );
  const meters = [energy, power.in, power.out];
  expect(await fixture.store.conservation(meters, T0, T0 + 60 * MINUTE)).toEqual([]);
  const proof = await fixture.proof().reconcile(T0, T0 + 60 * MINUTE);
  expect(proof).toMatchObject({ differences: [], octets: { good: '0', gap: '0' } });
  expect(proof.meters).toBeGreaterThanOrEqual(3);
});

test('in any order the records are those of mediating in order, and the counter moved what they say', {
  timeout: 60_000,
}, async () => {
  const minute = fc.record({ watts: fc.integer({ min: 0, max: 9_000 }), missed: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(minute, { minLength: 3, maxLength: 20 }), fc.array(fc.nat(6)), async (minutes, order) => {
      const { fixture, layout, device } = await outlet();
      let mWh = 0n;
      const polls = minutes.flatMap(({ watts, missed }, at) => {
        const own = { at, mWh, watts: BigInt(watts) * 1000n };
        mWh += (own.watts * BigInt(MINUTE)) / 3_600_000n;
        return missed && at > 0 ? [] : [own];
      });
      const shuffled = polls
        .map((poll, at) => ({ poll, place: at + (order[at] ?? 0) }))
        .toSorted((a, b) => a.place - b.place);
      for (const { poll } of shuffled) {
        polled(fixture, layout, poll.at, poll.mWh, poll.watts);
        await fixture.run();
      }
      fixture.source.watermark(device, T0 + 200 * MINUTE);
      await fixture.run();
      const energy = fixture.source.port(device, 'outlet:1 energy').in;
      const power = fixture.source.port(device, 'outlet:1 power');
      const [first, last] = [polls[0], polls.at(-1)];
      const moved = async (meter: number): Promise<bigint> =>
        (await fixture.latest(meter)).reduce((sum, { octets }) => sum + octets.good + octets.gap, 0n);
      expect(await moved(energy)).toBe((last?.mWh ?? 0n) - (first?.mWh ?? 0n));
      let held = 0n;
      for (const [place, poll] of polls.entries())
        held += poll.watts * BigInt(((polls[place + 1] ?? poll).at - poll.at) * MINUTE);
      expect(await moved(power.in)).toBe(held);
      expect((await fixture.proof().reconcile(T0, T0 + 200 * MINUTE)).differences).toEqual([]);
      expect(await fixture.store.conservation([energy], T0, T0 + 200 * MINUTE)).toEqual([]);
    }),
    { numRuns: 8 },
  );
});
