// `weir diagnosis` at a terminal: each step with what it found, what was done, and a word where there is nothing.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CommandContext } from '../../cli/command.ts';
import { diagnosisCommand } from '../../cli/commands/diagnosis.ts';

let answers: Record<string, object>;
let asked: string[];
let server: Server;
let url = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const answer = answers[request.url?.split('/').at(-1) ?? ''] ?? {};
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(() => server.close());
beforeEach(() => {
  asked = [];
  answers = { diagnosis: { items: [] }, actions: { items: [] } };
});

async function said(options: Record<string, unknown> = {}, positionals = ['7']): Promise<string> {
  const lines: string[] = [];
  const context = {
    positionals,
    options: { collector: url, ...options },
    environment: { WEIR_ADMIN_TOKEN: 'weir_x' },
    json: false,
    print: (line: string) => lines.push(line),
  } as unknown as CommandContext;
  expect(await diagnosisCommand.run(context)).toBe(0);
  return lines.join('\n');
}

test('each step with its state and what it found, and what became of actions', async () => {
  const step = {
    kind: 'traceroute',
    state: 'timed_out',
    summary: 'no result in time',
    entries: [{ name: 'hop', value: '1: 10.0.0.1' }],
  };
  answers = {
    diagnosis: {
      items: [
        { title: 'Why', askedBy: 'ann', state: 'passed_over', reason: 'hour_limit', createdAt: 'then', steps: [step] },
      ],
    },
    actions: {
      items: [
        {
          title: 'Bounce',
          target: 'a/b',
          state: 'not_verified',
          message: 'the interface is not up',
          requestedBy: 'weir',
          policy: 'p',
          createdAt: 'then',
        },
      ],
    },
  };
  const text = await said();
  for (const part of [
    'Why, then, by ann: passed over (hour limit)',
    'timed out',
    '1: 10.0.0.1',
    'not verified',
    'policy p',
    'the interface is not up',
  ])
    expect(text).toContain(part);
  expect(asked).toEqual(['GET /api/v1/alarms/7/diagnosis', 'GET /api/v1/alarms/7/actions']);
});

test('on request it is run first, and nothing at all is a word too', async () => {
  expect(await said({ run: true, runbook: 'mine' })).toBe('Alarm 7 was not diagnosed.');
  expect(asked[0]).toBe('POST /api/v1/alarms/7/diagnosis');
  answers['diagnosis'] = { items: [], none: 'no_runbook' };
  expect(await said()).toBe('Alarm 7 was not diagnosed: no runbook is for it.');
  await expect(said({ runbook: 'mine' })).rejects.toMatchObject({ code: 'misused' });
  await expect(said({}, ['x'])).rejects.toMatchObject({ code: 'misused' });
});
