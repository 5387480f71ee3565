// What a changed configuration says of itself: which keys a running agent does not take up.
import { expect, test } from 'vitest';
import { type AgentConfig, agentConfig, agentOnlySchema } from '../../../agent/config.ts';
import { waitingKeys } from '../../../agent/configure/live-keys.ts';

function config(agent: object, community = 'a'): AgentConfig {
  const credentials = {
    shared: { version: '2c', community },
    polled: { version: '2c', community },
    far: { version: '3', user: 'u', context: community },
  };
  return agentConfig(agentOnlySchema.parse({ agent, credentials, devices: [] }), {});
}

const traps = { traps: { credentials: ['shared'], users: [{ engine_id: '8000000001020304', credential: 'far' }] } };

test('sets of devices are taken up; those that traps name wait, and are named', () => {
  expect(waitingKeys(config({}), config({}, 'b'))).toEqual([]);
  expect(waitingKeys(config(traps), config(traps))).toEqual([]);
  expect(waitingKeys(config(traps), config(traps, 'b'))).toEqual([
    'credentials.shared for traps',
    'credentials.far for traps',
  ]);
});

test('the name never changes while it runs', () => {
  expect(() => waitingKeys(config({}), config({ name: 'other' }))).toThrow(
    expect.objectContaining({ code: 'restart_needed' }),
  );
});
