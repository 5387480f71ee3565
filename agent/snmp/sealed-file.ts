// A kept file nobody reads without its key (AES-256-GCM): the key lies beside it, for this user alone, so that a backup may leave one of the two out.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import { KeptFile } from '../../common/runtime/kept-file.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

export class SealedFile {
  readonly #reporter: Reporter;
  readonly #place: string;
  readonly #file: KeptFile;
  #key: Uint8Array | null = null;

  constructor(reporter: Reporter, place: string) {
    this.#reporter = reporter;
    this.#place = place;
    this.#file = new KeptFile(reporter, place);
  }

  /** The key; made at first use. Where the disk refuses it lives as long as the process, which is told. */
  key(): Uint8Array {
    this.#key ??= this.#readKey() ?? this.#makeKey();
    return this.#key;
  }

  /** What was written; null where there is nothing or it is not ours, which is told. */
  read(): Buffer | null {
    const sealed = this.#file.read();
    if (sealed === null) return null;
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const opened = createDecipheriv(CIPHER, this.key(), nonce, { authTagLength: TAG_BYTES });
      opened.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([opened.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), opened.final()]);
    } catch (error) {
      this.#reporter.warn('a sealed file cannot be opened with its key; it starts anew', {
        place: this.#place,
        error: messageOf(error),
      });
      return null;
    }
  }

  write(bytes: Uint8Array): boolean {
    const nonce = randomBytes(NONCE_BYTES);
    const sealed = createCipheriv(CIPHER, this.key(), nonce, { authTagLength: TAG_BYTES });
    const secret = Buffer.concat([sealed.update(bytes), sealed.final()]);
    return this.#file.write(Buffer.concat([nonce, sealed.getAuthTag(), secret]));
  }

  get #keyPlace(): string {
    return `${this.#place}.key`;
  }

  #readKey(): Uint8Array | null {
    try {
      const key = readFileSync(this.#keyPlace);
      if (key.length !== KEY_BYTES) throw new Error(`it has ${key.length} bytes`);
      if ((statSync(this.#keyPlace).mode & 0o077) !== 0) {
        chmodSync(this.#keyPlace, 0o600);
        this.#reporter.warn('a key could be read by others; its rights are taken back', { place: this.#keyPlace });
      }
      return key;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#tell('a key cannot be read', error);
      return null;
    }
  }

  #makeKey(): Uint8Array {
    const key = randomBytes(KEY_BYTES);
    try {
      mkdirSync(path.dirname(this.#place), { recursive: true, mode: 0o700 });
      const file = openSync(this.#keyPlace, 'w', 0o600);
      try {
        writeSync(file, key);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      this.#tell('a key cannot be written', error);
    }
    return key;
  }

  #tell(message: string, error: unknown): void {
    this.#reporter.warn(message, { place: this.#keyPlace, error: messageOf(error) });
  }
}
