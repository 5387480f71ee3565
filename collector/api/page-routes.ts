// The page at `/`: the files that Vite built, open to everybody because the page asks for a token itself.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fastifyStatic } from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { WeirError } from '../../common/runtime/errors.ts';

const YEAR_MS = 366 * 86_400_000;
const FILE = /^[\w-][\w.-]{0,200}$/;

/** `folder`: of the built page; null, or without an index.html, where there is none. */
export function addPageRoutes(server: FastifyInstance, folder: string | null): void {
  const config = { access: 'open' } as const;
  if (folder === null || !existsSync(path.join(folder, 'index.html'))) {
    server.get('/', { config }, async () => {
      throw new WeirError('not_found', 'The page was not built; the API is at /api/v1, its description at /docs.');
    });
    return;
  }
  void server.register(fastifyStatic, { root: folder, serve: false, index: false, preCompressed: true });
  // A new version must be seen at once; its assets have other names.
  server.get('/', { config }, (_request, reply) => reply.sendFile('index.html', { maxAge: 0 }));
  server.get('/favicon.svg', { config }, (_request, reply) => reply.sendFile('favicon.svg', { maxAge: 3_600_000 }));
  server.get<{ Params: { file: string } }>('/assets/:file', { config }, (request, reply) => {
    const { file } = request.params;
    if (!FILE.test(file)) throw new WeirError('not_found', 'There is no such file.');
    return reply.sendFile(`assets/${file}`, { maxAge: YEAR_MS, immutable: true });
  });
}
