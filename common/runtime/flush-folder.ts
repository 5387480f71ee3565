// Makes a folder's entries durable: what was renamed or made in it is there after a power cut.
import { closeSync, fsyncSync, openSync } from 'node:fs';

export function flushFolder(folder: string): void {
  if (process.platform === 'win32') return; // a folder cannot be opened there
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
