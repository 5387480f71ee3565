// A second door to a server, over TLS: for agents and people elsewhere, while what runs on this machine uses the plain one on loopback.
import { createServer as createTlsServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeirError } from '../runtime/errors.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { listenFailure } from './server.ts';

export interface TlsListenerConfig {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Who must show a certificate of the client authority. */
  readonly clientCertificates: 'nobody' | 'agents' | 'everybody';
}

/** RFC 6797; a year, as browsers' lists ask. */
const STRICT_TRANSPORT = 'max-age=31536000';

export class TlsListener {
  readonly #config: TlsListenerConfig;
  readonly #files: TlsFiles;
  #server: Server | null = null;
  #version = 0;

  constructor(config: TlsListenerConfig, files: TlsFiles) {
    this.#config = config;
    this.#files = files;
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** To be called before the routes are added: what comes through this door is told to stay with TLS, and agents are held to their certificate. */
  protect(server: FastifyInstance): void {
    const { clientCertificates } = this.#config;
    server.addHook('onRequest', async (request, reply) => {
      const { socket } = request.raw;
      if (!(socket instanceof TLSSocket)) return;
      void reply.header('strict-transport-security', STRICT_TRANSPORT);
      if (clientCertificates === 'agents') refuseAgentWithout(socket, request);
    });
  }

  /** Opens the door to a server that is ready; throws tls_files_unusable or port_in_use. */
  async start(server: FastifyInstance): Promise<void> {
    const { host, port, clientCertificates } = this.#config;
    const { version, options } = this.#files.current();
    this.#version = version;
    const { requestTimeout, headersTimeout, keepAliveTimeout, maxConnections } = server.server;
    const tls = createTlsServer(
      {
        ...options,
        minVersion: 'TLSv1.2',
        requestCert: clientCertificates !== 'nobody',
        rejectUnauthorized: clientCertificates === 'everybody',
        requestTimeout,
        headersTimeout,
        keepAliveTimeout,
      },
      (request, reply) => server.routing(request, reply),
    );
    tls.maxConnections = maxConnections;
    // Before the handshake of each connection: renewed certificates are taken up without a restart.
    tls.prependListener('connection', () => this.#renew(tls));
    for (const event of ['drop', 'clientError'] as const)
      tls.on(event, (...given: unknown[]) => void server.server.emit(event, ...given));
    tls.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error): void => reject(listenFailure(cause, host, port));
      tls.once('error', failed);
      tls.listen(port, host, () => {
        tls.off('error', failed);
        resolve();
      });
    });
    this.#server = tls;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  #renew(server: Server): void {
    const { version, options } = this.#files.current();
    if (version === this.#version) return;
    this.#version = version;
    server.setSecureContext({ ...options, minVersion: 'TLSv1.2' });
  }
}

function refuseAgentWithout(socket: TLSSocket, request: FastifyRequest): void {
  if (request.principal?.role === 'agent' && !socket.authorized)
    throw new WeirError('client_certificate_required', 'This agent shows no certificate of the client authority.');
}
