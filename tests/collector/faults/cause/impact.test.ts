// Whom alarms hit and what is at risk: each service once, exact decimals by currency.
import { expect, test } from 'vitest';
import { hurtsService, impactOf, servicesHit } from '../../../../collector/faults/cause/impact.ts';
import type { Severity } from '../../../../collector/faults/alarm.ts';
import type { MirroredService } from '../../../../collector/services/service-book.ts';

const START = Date.parse('2026-11-01T00:00:00Z');
const END = Date.parse('2026-12-01T00:00:00Z');

function service(
  id: string,
  customer: string,
  amount: string | null,
  currency = 'EUR',
  endMs?: number,
): MirroredService {
  return {
    id,
    name: id,
    customer: { id: customer, name: customer },
    fromMs: 0,
    toMs: null,
    bindings: [],
    running:
      amount === null
        ? null
        : {
            amount,
            currency,
            periodStartMs: START,
            untilMs: START + 1000,
            ...(endMs === undefined ? {} : { periodEndMs: endMs }),
          },
  };
}

test('a service that is hit twice counts once, and a silent agent hits nobody', () => {
  const one = service('s1', 'acme', null);
  const bound: Readonly<Record<string, MirroredService[]>> = { sw1: [one], 'sw1/p1': [one], 'agent:a': [one] };
  const of = (alarmType: string, resource: string) => ({ alarmType, resource, severity: 'major' as const });
  const boundTo = (resource: string): MirroredService[] => bound[resource] ?? [];
  expect(
    servicesHit([of('device-unreachable', 'sw1'), of('interface-down', 'sw1/p1')], boundTo).map(({ id }) => id),
  ).toEqual(['s1']);
  expect(servicesHit([of('agent-silent', 'agent:a'), of('no-data', 'sw1')], boundTo)).toEqual([]);
});

test.each<[type: string, severity: Severity, serviceAffecting: boolean | null, hurts: boolean]>([
  ['interface-down', 'major', null, true],
  ['interface-down', 'warning', null, false],
  ['interface-discards', 'warning', null, false],
  ['interface-discards', 'minor', null, true],
  ['device-unreachable', 'critical', null, true],
  ['bgp-peer-down', 'major', null, true],
  ['power-supply-failed', 'major', null, false],
  ['high-utilisation', 'minor', null, false],
  ['unit-replaced', 'minor', null, false],
  ['agent-silent', 'critical', null, false],
  ['external', 'major', null, true],
  ['external', 'minor', null, false],
  ['external', 'minor', true, true],
  ['external', 'critical', false, false],
])('%s as %s, by its system %s: hurts %s', (alarmType, severity, serviceAffecting, hurts) => {
  expect(hurtsService({ resource: 'a', alarmType, severity, serviceAffecting })).toBe(hurts);
});

test('a service that stands on what is only a warning is named, and puts no revenue at risk', () => {
  const [safe, hurt] = [service('s1', 'acme', '720.00', 'EUR', END), service('s2', 'bolt', '72.00', 'EUR', END)];
  const impact = impactOf([safe, hurt], [hurt]);
  expect(impact.customers.map(({ id }) => id)).toEqual(['acme', 'bolt']);
  expect(impact.revenueAtRisk).toEqual([{ currency: 'EUR', month: '73.05', hour: '0.1000' }]);
});

test('revenue of an hour and a month, by currency, from the length of the period', () => {
  const impact = impactOf([
    service('s2', 'acme', '720.00', 'EUR', END),
    service('s1', 'acme', '0.10', 'EUR', END),
    service('s3', 'bolt', '365.25', 'CHF'),
    service('s4', 'bolt', null),
  ]);
  expect(impact.services.map(({ id }) => id)).toEqual(['s1', 's2', 's3', 's4']);
  expect(impact.customers.map(({ id }) => id)).toEqual(['acme', 'bolt']);
  // 720.10 EUR over the 720 hours of November; a bridge that does not tell the end of the period means a month of 730.5 hours.
  expect(impact.revenueAtRisk).toEqual([
    { currency: 'CHF', month: '365.25', hour: '0.5000' },
    { currency: 'EUR', month: '730.60', hour: '1.0001' },
  ]);
  expect(impact.hourly.toFixed(4, 'half_up')).toBe('1.0001');
});

test('the highest level of service that was promised', () => {
  const level = (serviceLevel: string | null): MirroredService => ({ ...service('s', 'acme', null), serviceLevel });
  expect(impactOf([level('silver'), level(null), level('gold'), level('unheard-of')]).serviceLevel).toBe('gold');
  expect(impactOf([level('unheard-of'), service('s', 'acme', null)]).serviceLevel).toBeNull();
});

test('nothing earns nothing', () => expect(impactOf([]).revenueAtRisk).toEqual([]));
