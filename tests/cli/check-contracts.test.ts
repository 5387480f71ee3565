// Contracts that do not fit together, as `weir check` tells them: file, line, path, and the code in brackets.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkCommand } from '../../cli/commands/check.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-contracts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Line 1 is the first; each thing has a line of its own. */
const GOOD = `credentials: { c: { version: 2c, community: public } }
devices:
  - { name: sw1, address: 192.0.2.1, credential: c, infrastructure: [{ interface: up-1, reason: uplink }] }
customers:
  - { id: acme, name: Acme, currency: EUR }
price_plans:
  - id: volume
    currency: EUR
    items:
      - { id: a, kind: graduated, unit: GB, tiers: [{ up_to: "10", price: "1" }, { up_to: "20", price: "2" }, { price: "3" }] }
      - { id: b, kind: percentile, interval_ms: 300000, overage_price: "1" }
      - { id: c, kind: time_of_day, unit: GB, price: "1", bands: [{ name: n, days: [mon], from: "08:00", to: "18:00", price: "1" }] }
  - { id: dollars, currency: USD, items: [{ id: x, kind: flat, amount: "1" }] }
services:
  - { id: s1, customer: acme, plan: volume, from: "2026-01-01", bindings: [{ device: sw1, interface: ge-0 }] }
  - { id: s2, customer: acme, plan: volume, from: "2026-01-01", bindings: [{ device: sw1, interface: ge-1 }] }
billing_bridge: { bucket_ms: 300000, rating_window_ms: 3600000 }
`;

async function check(text: string): Promise<{ code: number; lines: readonly string[]; file: string }> {
  const file = path.join(folder, 'weir.yaml');
  writeFileSync(file, text);
  const lines: string[] = [];
  const code = await checkCommand.run({
    options: {},
    positionals: [file],
    environment: {},
    json: false,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  });
  return { code, lines, file };
}

test('contracts that fit have no mistake', async () => {
  expect((await check(GOOD)).lines).toEqual([`${path.join(folder, 'weir.yaml')}: no mistakes`]);
});

describe('told with its line and code', () => {
  test.for<[code: string, line: number, place: string, from: string, to: string]>([
    [
      'mail_unset',
      18,
      'quotas[0].mail',
      'rating_window_ms: 3600000 }',
      'rating_window_ms: 3600000 }\nquotas: [{ id: q, service: s1, amount: 1, mail: [a@b.example] }]',
    ],
    [
      'webhook_unknown',
      18,
      'quotas[0].webhooks',
      'rating_window_ms: 3600000 }',
      'rating_window_ms: 3600000 }\nquotas: [{ id: q, service: s1, amount: 1, webhooks: [shop] }]',
    ],
    [
      'buyer_incomplete',
      5,
      'customers[0].send_bills',
      'currency: EUR }\nprice',
      'currency: EUR, send_bills: email }\nprice',
    ],
    ['tiers_overlap', 10, 'price_plans[0].items[0].tiers[1].up_to', 'up_to: "20"', 'up_to: "10"'],
    [
      'tiers_overlap',
      10,
      'price_plans[0].items[0].tiers[2].up_to',
      ', { price: "3" }',
      ', { up_to: "15", price: "3" }',
    ],
    ['interval_off_grid', 11, 'price_plans[0].items[1].interval_ms', 'interval_ms: 300000', 'interval_ms: 400000'],
    [
      'percentile_impossible',
      11,
      'price_plans[0].items[1].percentile',
      'kind: percentile,',
      'kind: percentile, percentile: "101",',
    ],
    ['bands_crossed', 12, 'price_plans[0].items[2].bands[0].to', 'to: "18:00"', 'to: "07:00"'],
    [
      'limits_crossed',
      13,
      'price_plans[1].items[0].max_spend',
      'kind: flat,',
      'kind: flat, min_spend: "2", max_spend: "1",',
    ],
    ['duplicate', 13, 'price_plans[1].id', 'id: dollars', 'id: volume'],
    ['currency_unknown', 5, 'customers[0].currency', 'name: Acme, currency: EUR', 'name: Acme, currency: XYZ'],
    ['customer_unknown', 15, 'services[0].customer', '{ id: s1, customer: acme', '{ id: s1, customer: nobody'],
    [
      'plan_unknown',
      15,
      'services[0].plan',
      'id: s1, customer: acme, plan: volume',
      'id: s1, customer: acme, plan: none',
    ],
    [
      'currency_mismatch',
      15,
      'services[0].plan',
      'id: s1, customer: acme, plan: volume',
      'id: s1, customer: acme, plan: dollars',
    ],
    ['meter_bound_twice', 16, 'services[1].bindings[0]', 'interface: ge-1', 'interface: ge-0'],
    [
      'port_in_its_parent',
      15,
      'services[0].bindings[1]',
      'interface: ge-0 }',
      'interface: ge-0 }, { device: sw1, interface: ge-0.100 }',
    ],
    ['infrastructure_bound', 16, 'services[1].bindings[0]', 'interface: ge-1', 'interface: up-1'],
    [
      'device_unknown',
      16,
      'services[1].bindings[0].device',
      'device: sw1, interface: ge-1',
      'device: sw9, interface: ge-1',
    ],
    [
      'dates_crossed',
      15,
      'services[0].to',
      'id: s1, customer: acme, plan: volume,',
      'id: s1, customer: acme, plan: volume, to: "2025-01-01",',
    ],
    [
      'date_invalid',
      15,
      'services[0].from',
      '{ id: s1, customer: acme, plan: volume, from: "2026-01-01"',
      '{ id: s1, customer: acme, plan: volume, from: "2026-02-30"',
    ],
    [
      'window_off_grid',
      17,
      'billing_bridge.rating_window_ms',
      'rating_window_ms: 3600000',
      'rating_window_ms: 4000000',
    ],
    ['bucket_off_grid', 17, 'billing_bridge.bucket_ms', 'bucket_ms: 300000,', 'bucket_ms: 7000000,'],
  ])('%s', async ([code, line, place, from, to]) => {
    expect(GOOD).toContain(from);
    const { code: exit, lines, file } = await check(GOOD.replace(from, to));
    expect(exit).toBe(1);
    const told = lines.filter((one) => one.startsWith(`${file}:${line}: ${place}: `) && one.includes(`[${code}]`));
    expect(told, lines.join('\n')).not.toEqual([]);
  });
});
