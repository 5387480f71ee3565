// The page at `/`: the files that Vite built, open to everybody because the page asks for a token itself.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';

const FILE = /^[\w-][\w.-]{0,200}$/;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** A new version must be seen at once; its assets have other names. */
const ALWAYS_ASK = 'public, max-age=0';
const AN_HOUR = 'public, max-age=3600';
const FOR_EVER = 'public, max-age=31536000, immutable';

/** `folder`: of the built page; null, or without an index.html, where there is none. */
export function addPageRoutes(server: FastifyInstance, folder: string | null): void {
  const config = { access: 'open' } as const;
  if (folder === null || !existsSync(path.join(folder, 'index.html'))) {
    server.get('/', { config }, async () => {
      throw new WeirError('not_found', 'The page was not built; the API is at /api/v1, its description at /docs.');
    });
    return;
  }
  server.get('/', { config }, (...asked) => answerFile(asked, path.join(folder, 'index.html'), ALWAYS_ASK));
  server.get('/favicon.svg', { config }, (...asked) => answerFile(asked, path.join(folder, 'favicon.svg'), AN_HOUR));
  server.get<{ Params: { file: string } }>('/assets/:file', { config }, (request, reply) => {
    const { file } = request.params;
    if (!FILE.test(file)) throw noFile();
    return answerFile([request, reply], path.join(folder, 'assets', file), FOR_EVER);
  });
}

/** A few files of some hundred kilobytes, packed when they were built (`.gz`); read when they are asked for, so that a new build is seen. */
async function answerFile(
  [request, reply]: readonly [FastifyRequest, FastifyReply],
  file: string,
  cacheControl: string,
): Promise<Buffer | undefined> {
  const packed = takesGzip(request) ? await contentOf(`${file}.gz`) : null;
  const content = packed ?? (await contentOf(file));
  if (content === null) throw noFile();
  const tag = `"${createHash('sha256').update(content).digest('base64url')}"`;
  reply.headers({ 'cache-control': cacheControl, vary: 'accept-encoding', etag: tag });
  const known = request.headers['if-none-match']?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
  if (known === true) {
    await reply.code(304).send();
    return undefined;
  }
  if (packed !== null) reply.header('content-encoding', 'gzip');
  reply.type(TYPES[path.extname(file)] ?? 'application/octet-stream');
  return content;
}

function takesGzip(request: FastifyRequest): boolean {
  const offered = [request.headers['accept-encoding'] ?? ''].flat().join(',').toLowerCase();
  return offered.split(',').some((one) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(one));
}

/** Null where there is none. */
async function contentOf(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw error;
  }
}

function noFile(): WeirError {
  return new WeirError('not_found', 'There is no such file.');
}
