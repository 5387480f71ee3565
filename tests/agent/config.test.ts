// What the agent's part of a configuration refuses, and which line a device is given.
import { expect, test } from 'vitest';
import { agentConfig, agentDevices, agentOnlySchema } from '../../agent/config.ts';

test.for([
  ['https://collector.example.net', true],
  ['http://[2001:db8::1]:8080', true],
  ['https://agent:s3cret@collector.example.net', false],
  ['https://s3cret@collector.example.net', false],
  ['ftp://collector.example.net', false],
  ['collector', false],
] as const)('collector_url %s', ([address, allowed]) => {
  for (const given of [address, ['http://127.0.0.1:8080', address]]) {
    const parsed = agentOnlySchema.safeParse({ agent: { collector_url: given } });
    expect(parsed.success).toBe(allowed);
    expect(JSON.stringify(parsed.error?.issues ?? [])).not.toContain('s3cret');
  }
});

test('a device stands behind the line of its site or its own, also one that the collector tells of', () => {
  const whole = agentOnlySchema.parse({
    agent: { timeout_ms: 1000, lines: { mountain: { requests_per_second: 5 }, modem: { devices: ['radio'] } } },
    credentials: { c: { version: '2c', community: 'c' } },
    devices: [
      { name: 'hut', address: '192.0.2.1', credential: 'c', site: 'mountain' },
      { name: 'radio', address: '192.0.2.2', credential: 'c', site: 'mountain' },
      { name: 'core', address: '192.0.2.3', credential: 'c', site: 'town' },
    ],
  });
  const config = agentConfig(whole, {});
  const linesOf = (devices: typeof config.devices): unknown => devices.map(({ name, line }) => [name, line]);
  const expected = [
    ['hut', 'mountain'],
    ['radio', 'modem'],
    ['core', null],
  ];
  expect(linesOf(config.devices)).toEqual(expected);
  expect(linesOf(agentDevices(whole.devices, whole.credentials, config))).toEqual(expected);
  expect(config.lines.map(({ name, timeoutMs }) => [name, timeoutMs])).toEqual([
    ['mountain', 5000],
    ['modem', 5000],
  ]);
});

test('a site behind two lines is told with its place', () => {
  const parsed = agentOnlySchema.safeParse({ agent: { lines: { a: {}, b: { sites: ['a'] } } } });
  expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual(['agent.lines.b.sites.0']);
});
