// The data folder of `weir up`: made private, held by one supervisor at a time, home of the access tokens.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { holdLock } from '../../common/runtime/process-lock.ts';

export interface Tokens {
  readonly administrator: string;
  readonly agent: string;
  readonly bridge: string;
}

const LOCK = 'weir.lock';
const TOKENS = 'tokens.json';

/** Makes the folder (mode 0700) and takes it; `data_folder_in_use` where another Weir that is alive holds it, `data_folder_unusable` where it cannot be written. Returns the release. */
export function holdDataFolder(folder: string): () => void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return holdLock(path.join(folder, LOCK));
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw new WeirError(
      'data_folder_unusable',
      `Cannot write the data folder ${folder}: ${messageOf(cause)}.`,
      { folder },
      cause,
    );
  }
}

/** The tokens of this folder, made at the first start (mode 0600). WEIR_ADMIN_TOKEN replaces the administrator's. */
export function tokensOf(folder: string, administrator: string | undefined): Tokens {
  const file = path.join(folder, TOKENS);
  const kept = existsSync(file) ? parseTokens(readFileSync(file, 'utf8'), file) : makeTokens(file);
  return administrator === undefined || administrator === '' ? kept : { ...kept, administrator };
}

function parseTokens(text: string, file: string): Tokens {
  try {
    const tokens: unknown = JSON.parse(text);
    if (
      typeof tokens === 'object' &&
      tokens !== null &&
      'administrator' in tokens &&
      'agent' in tokens &&
      'bridge' in tokens
    ) {
      const { administrator, agent, bridge } = tokens;
      if (typeof administrator === 'string' && typeof agent === 'string' && typeof bridge === 'string')
        return { administrator, agent, bridge };
    }
  } catch {
    // told below, like any other damage
  }
  throw new WeirError('data_folder_unusable', `${file} is damaged; move it away and new tokens are made.`, { file });
}

function makeTokens(file: string): Tokens {
  const token = (): string => `weir_${randomBytes(32).toString('base64url')}`;
  const tokens = { administrator: token(), agent: token(), bridge: token() };
  writeFileSync(`${file}.new`, JSON.stringify(tokens, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return tokens;
}
