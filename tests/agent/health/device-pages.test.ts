// What the agent's page says of devices: a line each, everything of one, figures within a bound.
import { describe, expect, test } from 'vitest';
import { deviceLine, devicePage } from '../../../agent/health/device-line.ts';
import { deviceMetrics } from '../../../agent/health/device-metrics.ts';
import type { DeviceReport, VisitExplanation } from '../../../agent/poll/explanation.ts';

const AT = Date.UTC(2026, 10, 26);

const report = (device: string, words: Partial<DeviceReport> = {}): DeviceReport => ({
  device,
  line: null,
  intervalMs: 60_000,
  configuredIntervalMs: 60_000,
  profile: 'base',
  lastPollAtMs: AT,
  lastOutcome: 'complete',
  failure: null,
  requests: 4,
  retries: 1,
  durationMs: 250,
  partialTables: [],
  breakerOpen: false,
  probePauseMs: null,
  nextDueInMs: 5000,
  interfaces: 48,
  repetitionCeiling: 200,
  bytesPerRow: 100,
  ping: null,
  ...words,
});

const visit: VisitExplanation = {
  startedAtMs: AT,
  outcome: 'complete',
  failure: null,
  durationMs: 250,
  requests: 4,
  retries: 1,
  sentBytes: 100,
  receivedBytes: 4000,
  pacedMs: 0,
  partialTables: [],
  tables: [],
  profile: null,
  session: null,
  clockSkewMs: -3000,
  clockSeenAtMs: AT - 1000,
  trustsTableLastChange: true,
};

const where = { address: { host: '2001:db8::1', port: 161 }, credentialName: 'core' };

describe('a line', () => {
  test('tells where, when, and what a failure means', () => {
    const failed = report('a', { failure: 'snmp_timeout', lastOutcome: 'failed' });
    expect(deviceLine(failed, where, AT)).toMatchObject({
      address: '[2001:db8::1]:161',
      credential: 'core',
      lastPollAt: '2026-11-26T00:00:00.000Z',
      nextDueAt: '2026-11-26T00:00:05.000Z',
      meaning: expect.stringContaining('did not answer') as string,
    });
  });

  test('of a device that is gone, or was never polled, or is asked by ping alone', () => {
    expect(deviceLine(report('a', { lastPollAtMs: null, lastOutcome: null }), undefined, AT)).toMatchObject({
      address: null,
      credential: null,
      lastPollAt: null,
      meaning: null,
    });
    expect(deviceLine(report('a'), { ...where, credentialName: '' }, AT).credential).toBeNull();
  });

  test('a failure that is in no table has no meaning', () => {
    expect(deviceLine(report('a', { failure: 'toString' }), where, AT).meaning).toBeNull();
  });
});

describe('a page', () => {
  test('has the last poll with times as text, or none before it', () => {
    expect(devicePage({ ...report('a'), lastPoll: visit }, where, AT).lastPoll).toMatchObject({
      startedAt: '2026-11-26T00:00:00.000Z',
      clockSeenAt: '2026-11-25T23:59:59.000Z',
      clockSkewMs: -3000,
    });
    expect(devicePage({ ...report('a'), lastPoll: null }, where, AT).lastPoll).toBeNull();
  });
});

describe('figures', () => {
  const reports = [
    report('up'),
    report('cut', { lastOutcome: 'partial' }),
    report('down', { lastOutcome: 'failed', retries: 3 }),
    report('new', { lastOutcome: null, lastPollAtMs: null }),
  ];

  test('are gauges by device; what is not known has none', () => {
    const text = deviceMetrics(reports);
    expect(text.match(/^weir_agent_device_up\{.*$/gm)).toEqual([
      'weir_agent_device_up{device="up"} 1',
      'weir_agent_device_up{device="cut"} 1',
      'weir_agent_device_up{device="down"} 0',
    ]);
    expect(text.match(/^weir_agent_device_complete\{.*$/gm)?.map((line) => line.slice(-1))).toEqual(['1', '0', '0']);
    expect(text).toContain('weir_agent_device_poll_seconds{device="up"} 0.25\n');
    expect(text).toContain('weir_agent_device_retries{device="down"} 3\n');
    expect(text).toContain('weir_agent_devices_without_figures 0\n');
  });

  test('every line is one of the format, and each name has its help and type before it', () => {
    const lines = deviceMetrics(reports).trimEnd().split('\n');
    for (const line of lines)
      expect(line).toMatch(/^(# HELP \w+ .+|# TYPE \w+ gauge|\w+(\{device="[\w.-]+"\})? -?[\d.]+)$/);
  });

  test('are bounded, and what is left out is counted', () => {
    const text = deviceMetrics(reports, 1);
    expect(text.match(/device="/g)?.length).toBe(6);
    expect(text).toContain('weir_agent_devices_without_figures 3\n');
  });
});
