// `weir told` at a terminal: the whole reason of each channel, and a word where there is none.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandContext } from '../../cli/command.ts';
import { toldCommand } from '../../cli/commands/told.ts';

const REASON = 'route core: the severity minor is below major; route night: it is outside of its hours until 22:00';
let items: readonly object[] = [];
let server: Server;
let url = '';

beforeAll(async () => {
  server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ items }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(() => server.close());

async function told(): Promise<string> {
  const lines: string[] = [];
  const context = {
    positionals: ['7'],
    options: { collector: url },
    environment: { WEIR_ADMIN_TOKEN: 'weir_x' },
    json: false,
    print: (line: string) => lines.push(line),
  } as unknown as CommandContext;
  expect(await toldCommand.run(context)).toBe(0);
  return lines.join('\n');
}

test('why somebody was not told is said whole, however long it is', async () => {
  items = [{ channel: 'noc', state: 'not_told', text: REASON, believes: null, toldAt: null }];
  expect(await told()).toContain(REASON);
});

test('without a channel it says that nobody is told', async () => {
  items = [];
  expect(await told()).toContain('No channel is configured');
});
