// What the agent's part of a configuration refuses.
import { expect, test } from 'vitest';
import { agentOnlySchema } from '../../agent/config.ts';

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
