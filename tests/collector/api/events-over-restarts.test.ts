// Live events of a collector that is a process of its own and is killed, and of collectors that share a database.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeEvents } from '../../../collector/compose-events.ts';
import { OtherCollectors } from '../../../collector/project/other-collectors.ts';
import { type OpenDatabase, openDatabase } from '../../../common/database/pool.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { ADMINISTRATOR, AGENT, CollectorFixture, eventually } from '../../support/collector-fixture.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-events-'));
let database: TestDatabase;
let pool: OpenDatabase;
let program: BundledProgram;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  database = await startTestDatabase();
  pool = openDatabase(silentReporter().reporter, { url: database.url, maxConnections: 1, applicationName: 'test' });
  program = await bundledProgram('collector-until-killed.ts');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  program.remove();
  await pool.close();
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function started(): Promise<{ child: ChildProcess; url: string }> {
  const child = program.start([database.url, folder, ADMINISTRATOR, AGENT]);
  children.add(child);
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  return { child, url: `http://127.0.0.1:${port}` };
}

/** What a browser's EventSource does: keeps the last id, and sends it when it connects again. */
class Browser {
  lastId = '';
  readonly kinds: string[] = [];
  readonly reasons: string[] = [];
  open = false;

  async connect(url: string): Promise<void> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(
        `${url}/api/v1/events`,
        {
          headers: {
            authorization: `Bearer ${ADMINISTRATOR}`,
            ...(this.lastId === '' ? {} : { 'last-event-id': this.lastId }),
          },
        },
        resolve,
      )
        .once('error', reject)
        .end();
    });
    this.open = true;
    let text = '';
    answer.on('error', () => undefined);
    answer.on('close', () => {
      this.open = false;
    });
    answer.on('data', (piece: Buffer) => {
      const blocks = (text + piece.toString('utf8')).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    });
  }

  #take(block: string): void {
    this.lastId = /^id: (.*)$/m.exec(block)?.[1] ?? this.lastId;
    const kind = /^event: (.*)$/m.exec(block)?.[1];
    if (kind === undefined) return;
    this.kinds.push(kind);
    const reason = /"reason":"(\w+)"/.exec(block)?.[1];
    if (kind === 'resync' && reason !== undefined) this.reasons.push(reason);
  }
}

async function send(url: string, sequence: number): Promise<void> {
  const client = new CollectorFixture(database, folder, {}, url);
  const interfaces = [{ key: 'xe-0', inOctets: 1n, outOctets: 1n }];
  await client.receipt({ sequence, polls: [interfacePoll({ device: 'core1', atMs: Date.now(), interfaces })] });
}

test('a collector that is killed: its readers are told to ask again by the one that takes its place, and then go on', async () => {
  const browser = new Browser();
  const first = await started();
  await browser.connect(first.url);
  await send(first.url, 1);
  await eventually(async () => browser.kinds.includes('applied'), 'the first batch');
  const idBefore = browser.lastId;
  first.child.kill('SIGKILL');
  await eventually(async () => !browser.open, 'the end of the stream');
  const second = await started();
  await browser.connect(second.url);
  await eventually(async () => browser.reasons.length > 0, 'a resync');
  expect(browser.reasons).toEqual(['restarted']);
  expect(browser.lastId).not.toBe(idBefore);
  browser.kinds.length = 0;
  await send(second.url, 2);
  await eventually(async () => browser.kinds.includes('applied'), 'events of the new process');
  second.child.kill('SIGKILL');
}, 60_000);

test('what another collector applies is told as a resync to those who read here, once for each look', async () => {
  const moved = (journal: string, position: number): Promise<unknown> =>
    pool.query(
      `insert into readings.projection_position (projection, journal, position) values ('faults', $1, $2)
       on conflict (projection, journal) do update set position = excluded.position`,
      [journal, position],
    );
  const others = new OtherCollectors(pool, 'north');
  expect(await others.haveMoved()).toBe(false);
  await moved('north', 5);
  expect(await others.haveMoved()).toBe(false);
  await moved('south', 1);
  expect(await others.haveMoved()).toBe(true);
  expect(await others.haveMoved()).toBe(false);

  const clock = new VirtualClock(1_800_000_000_000);
  const { hub, watching } = composeEvents(
    silentReporter().reporter,
    { maxStreams: 2, maxBufferBytes: 1000, replayBytes: 1000 },
    { clock, database: pool, journal: { id: 'north' } },
  );
  const texts: string[] = [];
  hub.attach(() => ({ buffered: 0, write: (text) => void texts.push(text), end: () => undefined }), {
    filter: () => true,
    lastEventId: null,
  });
  const resyncs = (): number => texts.filter((text) => text.includes('"reason":"other_collector"')).length;
  await watching.start();
  const look = async (position: number, expected: number): Promise<void> => {
    await moved('south', position);
    await clock.advance(15_000);
    await eventually(async () => resyncs() === expected, `${expected} resyncs`, 5000);
  };
  await clock.advance(15_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await look(2, 1);
  await look(2, 1);
  await look(3, 2);
  await watching.stop();
}, 60_000);

test('a database that does not answer is no resync', async () => {
  const others = new OtherCollectors({ query: () => Promise.reject(new Error('away')) }, 'north');
  expect(await others.haveMoved()).toBe(false);
  expect(await others.haveMoved()).toBe(false);
});
