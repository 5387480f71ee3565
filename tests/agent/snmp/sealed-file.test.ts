// A file that opens with its key only: what is changed or belongs to another key is taken for absent, and told.
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SealedFile } from '../../../agent/snmp/sealed-file.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

let folder: string;
let place: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-sealed-'));
  place = path.join(folder, 'state', 'file');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function opened(): { file: SealedFile; lines: string[] } {
  const { reporter, lines } = silentReporter();
  return { file: new SealedFile(reporter, place), lines };
}

describe('what was written', () => {
  test('is read by the next life, and differs on the disk each time', () => {
    const contents = Buffer.from('what is kept');
    expect(opened().file.write(contents)).toBe(true);
    const first = readFileSync(place);
    expect(opened().file.read()).toEqual(contents);
    opened().file.write(contents);
    expect(readFileSync(place).equals(first)).toBe(false);
    expect([statSync(place).mode & 0o777, statSync(`${place}.key`).mode & 0o777]).toEqual([0o600, 0o600]);
  });

  test('nothing written is nothing, without a key and without a word', () => {
    const { file, lines } = opened();
    expect([file.read(), lines]).toEqual([null, []]);
  });

  test.for(['first', 'middle', 'last'] as const)('with its %s octet changed it is not believed', (which) => {
    opened().file.write(Buffer.from('what is kept'));
    const bytes = readFileSync(place);
    const at = { first: 0, middle: Math.floor(bytes.length / 2), last: bytes.length - 1 }[which];
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(place, bytes);
    const { file, lines } = opened();
    expect(file.read()).toBeNull();
    expect(lines.join('\n')).toContain('cannot be opened');
  });

  test.for([0, 1, 11, 12, 27, 28])('cut to %i octets it is not believed', (length) => {
    opened().file.write(Buffer.from('what is kept'));
    writeFileSync(place, readFileSync(place).subarray(0, length));
    const { file, lines } = opened();
    expect(file.read()).toBeNull();
    expect(lines).not.toEqual([]);
  });
});

describe('the key', () => {
  test('that others could read loses those rights, which is told', () => {
    opened().file.write(Buffer.from('what is kept'));
    chmodSync(`${place}.key`, 0o644);
    const { file, lines } = opened();
    expect(file.read()?.toString()).toBe('what is kept');
    expect(statSync(`${place}.key`).mode & 0o777).toBe(0o600);
    expect(lines.join('\n')).toContain('could be read by others');
  });

  test('of a wrong length is replaced, and the file starts anew', () => {
    opened().file.write(Buffer.from('what is kept'));
    writeFileSync(`${place}.key`, 'short');
    const { file, lines } = opened();
    expect(file.read()).toBeNull();
    expect(lines.join('\n')).toContain('it has 5 bytes');
    file.write(Buffer.from('new'));
    expect(opened().file.read()?.toString()).toBe('new');
  });
});
