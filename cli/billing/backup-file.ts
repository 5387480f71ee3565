// The file of a backup: gzip, written beside its name and renamed when it is whole, read line by line.
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';

/** Throws output_unwritable; then nothing is left under the name. */
export async function writeBackupFile<T>(
  file: string,
  work: (write: (line: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const part = `${file}.part`;
  const gzip = createGzip();
  try {
    // It holds what customers pay: for nobody but its owner.
    const written = pipeline(gzip, createWriteStream(part, { mode: 0o600 }));
    written.catch(() => gzip.destroy());
    const result = await work(async (line) => {
      if (!gzip.write(`${line}\n`)) await Promise.race([once(gzip, 'drain'), written]);
    });
    gzip.end();
    await written;
    const handle = await open(part, 'r');
    await handle.sync();
    await handle.close();
    await rename(part, file);
    return result;
  } catch (cause) {
    gzip.destroy();
    await rm(part, { force: true });
    if (cause instanceof WeirError) throw cause;
    throw new WeirError('output_unwritable', `Cannot write ${file}: ${messageOf(cause)}.`, { file }, cause);
  }
}

/** Throws backup_damaged where it is no such file. */
export async function* readBackupFile(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  let problem: unknown = null;
  const done = pipeline(source, gunzip).catch((error: unknown) => {
    problem = error;
  });
  try {
    for await (const line of createInterface({ input: gunzip, crlfDelay: Infinity })) yield line;
  } catch (error) {
    problem ??= error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  await done;
  // Whoever stopped before the end has read enough.
  if (problem !== null && !isAbort(problem))
    throw new WeirError('backup_damaged', `Cannot read ${file}: ${messageOf(problem)}.`, { file }, problem);
}

function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
