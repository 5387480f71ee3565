// The server's log stays within its bound while the server goes on writing to it.
import { closeSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ServerLog } from '../../../../common/database/embedded/server-log.ts';

test('past its bound it becomes FILE.1 and goes on in place', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-log-'));
  const file = path.join(folder, 'server.log');
  const log = new ServerLog(file, 1000);
  const server = log.open();
  for (let line = 0; line < 500; line += 1) {
    writeSync(server, `line ${line}\n`);
    log.cutBack();
    expect(log.size).toBeLessThanOrEqual(1000);
  }
  const both = readFileSync(`${file}.1`, 'utf8') + readFileSync(file, 'utf8');
  expect(both.endsWith('line 498\nline 499\n')).toBe(true);
  expect(both.length).toBeGreaterThan(1000);
  const start = log.size;
  writeSync(server, 'FATAL: the end\n');
  expect(log.tail(start)).toBe('FATAL: the end');
  expect(log.tail(0).length).toBeLessThanOrEqual(2000);
  closeSync(server);
  rmSync(folder, { recursive: true, force: true });
});
