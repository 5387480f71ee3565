// Poll tiers: which interval fits, random lives that neither flip nor pass the bound, and what two collectors give to agents.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentsMigrations } from '../../../collector/agents/agents-migrations.ts';
import { ConfiguredDevices } from '../../../collector/agents/configured-devices.ts';
import { type HeldTier, nextTiers, tierInterval, type Weight } from '../../../collector/agents/poll-tier.ts';
import { pollTierConfigOf, pollTiersSchema } from '../../../collector/agents/poll-tier-config.ts';
import { pollTierMigrations, PollTiers } from '../../../collector/agents/poll-tiers.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { Exact } from '../../../common/model/exact.ts';
import { deviceSchema } from '../../../common/runtime/device-configuration.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE = 60_000;
const CONFIG = pollTierConfigOf(
  pollTiersSchema.parse({
    tiers: [
      { service_level: 'gold', interval_ms: 30_000 },
      { revenue_per_hour: '12.50', interval_ms: 15_000 },
      { criticality: 'critical', interval_ms: 10_000 },
    ],
    most_devices: 2,
    hold_minutes: 60,
  }),
);
const weight = (words: Partial<Omit<Weight, 'hourly'>> & { readonly hourly?: string }): Weight => ({
  serviceLevel: null,
  impact: 0,
  byHand: false,
  ...words,
  hourly: Exact.parse(words.hourly ?? '0') ?? Exact.zero,
});

test.each<[Parameters<typeof weight>[0], number | null]>([
  [{}, null],
  [{ serviceLevel: 'silver', hourly: '12.49' }, null],
  [{ serviceLevel: 'platinum' }, 30_000],
  [{ serviceLevel: 'gold', hourly: '12.5' }, 15_000],
  [{ byHand: true, impact: 5 }, 10_000],
  [{ byHand: true, impact: 4, serviceLevel: 'gold' }, 30_000],
  [{ byHand: true, impact: 0, serviceLevel: 'platinum', hourly: '1000' }, null],
])('%j is polled every %s', (words, interval) => expect(tierInterval(CONFIG.tiers, weight(words))).toBe(interval));

test.each([
  [{ interval_ms: 30_000 }],
  [{ service_level: 'gold', interval_ms: 1000 }],
  [{ service_level: 'tin', interval_ms: 30_000 }],
  [{ revenue_per_hour: '-1', interval_ms: 30_000 }],
])('%j is refused', (tier) => expect(pollTiersSchema.safeParse({ tiers: [tier] }).success).toBe(false));

test('whatever comes, nothing is let down before the hold, the bound holds, and what was raised is not pushed out', () => {
  const step = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom(10_000, 15_000, 30_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), step), { maxLength: 30 }), (steps) => {
      let held: ReadonlyMap<string, HeldTier> = new Map();
      let nowMs = 0;
      const lastWanted = new Map<string, number>();
      for (const [minutes, wanted] of steps) {
        nowMs += minutes * MINUTE;
        const before = held;
        for (const [device, intervalMs] of Object.entries(wanted))
          if (intervalMs <= (before.get(device)?.intervalMs ?? Infinity)) lastWanted.set(device, nowMs);
        const next = nextTiers(before, new Map(Object.entries(wanted)), CONFIG, nowMs);
        held = next.tiers;
        expect(held.size).toBeLessThanOrEqual(CONFIG.mostDevices);
        const missing = Object.keys(wanted).filter((device) => !held.has(device)).length;
        expect(next.leftOut).toBe(missing);
        for (const [device, { intervalMs }] of before) {
          const now = held.get(device);
          if (now === undefined) expect(nowMs - (lastWanted.get(device) ?? 0)).toBeGreaterThanOrEqual(CONFIG.holdMs);
          else if (now.intervalMs > intervalMs) expect(wanted[device]).toBe(now.intervalMs);
          if (now?.intervalMs !== intervalMs) lastWanted.set(device, nowMs);
        }
      }
    }),
  );
});

describe('in the configuration that agents pull', () => {
  let postgres: TestDatabase;
  beforeAll(async () => {
    postgres = await startTestDatabase();
    await migrate(postgres.database, [...agentsMigrations, ...pollTierMigrations]);
  });
  afterAll(() => postgres.stop());

  test('two collectors give the same, a device that carries nothing is left alone, and one that does not is let down later', async () => {
    const clock = new VirtualClock(1000);
    const named = (name: string) => ({
      name,
      address: '192.0.2.1',
      site: null,
      agent: 'agent-1',
      intervalMs: 60_000,
      parents: [],
      definition: deviceSchema.parse({
        name,
        address: '192.0.2.1',
        credential: 'public',
        agent: 'agent-1',
        interval_ms: 60_000,
      }),
    });
    const weights = new Map([['core1', weight({ serviceLevel: 'gold' })]]);
    const collectors = [1, 2].map(() => {
      const devices = new ConfiguredDevices([]);
      const tiers = new PollTiers(silentReporter().reporter, CONFIG, {
        database: postgres.database,
        clock,
        replace: (list) => devices.replace(list),
      });
      tiers.configure([named('core1'), named('access1')]);
      return { devices, look: () => tiers.look((device) => weights.get(device) ?? null) };
    });
    const both = async (): Promise<string[]> => {
      for (const { look } of collectors) await look();
      return collectors.map(({ devices }) =>
        devices
          .of('agent-1')
          .devices.map(({ name, interval_ms: ms }) => `${name} ${ms}`)
          .join(),
      );
    };
    const usual = 'access1 60000,core1 60000';
    const raised = 'access1 60000,core1 30000';
    expect(collectors[0]?.devices.of('agent-1').devices.map(({ interval_ms: ms }) => ms)).toEqual([60_000, 60_000]);
    expect(await both()).toEqual([raised, raised]);
    expect(new Set(collectors.map(({ devices }) => devices.of('agent-1').version)).size).toBe(1);
    weights.clear();
    expect(await both()).toEqual([raised, raised]);
    await clock.advance(59 * MINUTE);
    expect(await both()).toEqual([raised, raised]);
    await clock.advance(MINUTE);
    expect(await both()).toEqual([usual, usual]);
  });
});
