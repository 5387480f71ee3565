// The certificates of one side of a connection (the agent's, or the collector's where it listens): read from their files, and read again when these change.
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { DurationMs } from '../model/time.ts';
import type { Clock } from './clock.ts';
import { codeOf, messageOf, WeirError } from './errors.ts';
import type { Reporter } from './reporter.ts';
import { resolveSecret } from './secrets.ts';

export interface TlsConfig {
  /** The authorities that are trusted, and no others; null for those that Node brings along. PEM. */
  readonly caFile: string | null;
  /** Its own certificate, its chain behind it, PEM. */
  readonly certificateFile: string | null;
  /** Its key: a path, or a reference (common/runtime/secrets.ts) to PEM or to a path. */
  readonly keyFile: string | null;
  /** The name that the other's certificate must bear, where it is not the one of the address. */
  readonly serverName: string | null;
}

export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

export interface TlsFilesDeps {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** How often the files are looked at. */
const LOOK_MS: DurationMs = 10_000;

export class TlsFiles {
  readonly #reporter: Reporter;
  readonly #config: TlsConfig;
  readonly #deps: TlsFilesDeps;
  #current: { readonly version: number; readonly options: TlsOptions } | null = null;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Sizes and times of the files that were tried last. */
  #tried = '';
  /** Why they cannot be used, as it was told. */
  #told = '';

  constructor(reporter: Reporter, config: TlsConfig, deps: TlsFilesDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  /**
   * What the files hold; `version` changes with them. While new ones cannot be used (half written: a certificate without its key)
   * the old ones are, which is told once; tls_files_unusable where there never were any.
   */
  current(): { readonly version: number; readonly options: TlsOptions } {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#current !== null && nowMs - this.#lookedAtMs < LOOK_MS) return this.#current;
    this.#lookedAtMs = nowMs;
    try {
      const marks = this.#marks();
      if (this.#current !== null && marks === this.#tried) return this.#current;
      this.#tried = marks;
      const options = this.#read();
      const version = (this.#current?.version ?? 0) + 1;
      this.#current = { version, options };
      this.#told = '';
      if (version > 1) this.#reporter.info('the certificates changed and were read again', { ...this.#places() });
      return this.#current;
    } catch (error) {
      if (this.#current === null) throw error;
      const message = messageOf(error);
      if (message === this.#told) return this.#current;
      this.#told = message;
      this.#reporter.warn('the certificates changed and cannot be used; the old ones are', {
        ...this.#places(),
        code: codeOf(error),
        message,
      });
      return this.#current;
    }
  }

  #read(): TlsOptions {
    const { caFile, certificateFile, keyFile, serverName } = this.#config;
    const options = {
      ...(caFile === null ? {} : { ca: contents(caFile) }),
      ...(certificateFile === null ? {} : { cert: contents(certificateFile) }),
      ...(keyFile === null ? {} : { key: this.#key(keyFile) }),
    };
    try {
      // Also says whether the key fits the certificate.
      createSecureContext(options);
    } catch (cause) {
      throw unusable(`Its certificates cannot be used: ${messageOf(cause)}.`, this.#places(), cause);
    }
    return serverName === null ? options : { ...options, servername: serverName };
  }

  #key(reference: string): Buffer {
    const value = this.#resolved(reference);
    return value.startsWith('-----BEGIN') ? Buffer.from(value, 'latin1') : contents(value);
  }

  #resolved(reference: string): string {
    return reference.startsWith('file:')
      ? reference.slice('file:'.length)
      : resolveSecret(reference, this.#deps.environment);
  }

  #marks(): string {
    const { caFile, certificateFile, keyFile } = this.#config;
    const key = keyFile === null ? null : this.#resolved(keyFile);
    const paths = [caFile, certificateFile, key?.startsWith('-----BEGIN') === true ? null : key];
    return paths.map((place) => (place === null ? '' : markOf(place))).join(' ');
  }

  #places(): { readonly ca: string | null; readonly certificate: string | null } {
    return { ca: this.#config.caFile, certificate: this.#config.certificateFile };
  }
}

function markOf(place: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(place);
    return `${mtimeMs}/${size}/${ino}`;
  } catch (cause) {
    throw unusable(`Cannot read ${place}: ${messageOf(cause)}.`, { place }, cause);
  }
}

function contents(place: string): Buffer {
  try {
    return readFileSync(place);
  } catch (cause) {
    throw unusable(`Cannot read ${place}: ${messageOf(cause)}.`, { place }, cause);
  }
}

function unusable(message: string, detail: Readonly<Record<string, string | null>>, cause: unknown): WeirError {
  return new WeirError('tls_files_unusable', message, detail, cause);
}
