// A receiver of webhooks on loopback: checks the signature, knows a repeat by its key, and answers as a test wants it to.
import { createServer, type Server } from 'node:http';
import { signatureHolds } from '../../common/http/webhook-signature.ts';
import type { ToldItem } from '../../collector/tell/told.ts';

/** lost: answered with 500 and not taken; swallowed: taken, and answered with 500 all the same. */
export type Answering = 'well' | 'refusing' | 'lost' | 'swallowed';

export interface Hook {
  readonly path: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { readonly alarms: readonly ToldItem[]; readonly folded: number; readonly title: string };
  readonly text: string;
}

export const HOOK_SECRET = 'secret-of-the-tests';

export class WebhookServer {
  readonly #server: Server;
  /** Every request that was taken, repeats as well. */
  readonly hooks: Hook[] = [];
  /** Signatures that do not hold. */
  readonly forged: string[] = [];
  answering: Answering = 'well';
  now: () => number = () => Date.now();
  /** Held back before an answer. */
  gate: Promise<void> = Promise.resolve();

  constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        void this.gate.then(() => {
          if (this.answering !== 'refusing' && this.answering !== 'lost')
            this.#take(request.url ?? '', request.headers, text);
          response.writeHead({ well: 204, refusing: 503, lost: 500, swallowed: 500 }[this.answering]).end();
        });
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this.url;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** By key, the first of each. */
  distinct(): Hook[] {
    return [...new Map(this.hooks.toReversed().map((hook) => [hook.key, hook])).values()].toReversed();
  }

  /** `KIND ALARM` of distinct messages, in their order. */
  told(): string[] {
    return this.distinct().flatMap(({ body }) => body.alarms.map(({ kind, alarm }) => `${kind} ${alarm}`));
  }

  #take(path: string, headers: Hook['headers'], text: string): void {
    const header = String(headers['weir-signature'] ?? '');
    if (!signatureHolds(header, HOOK_SECRET, text, { nowMs: this.now(), mostMs: 300_000 })) this.forged.push(header);
    const key = String(headers['idempotency-key'] ?? '');
    this.hooks.push({ path, key, headers, text, body: JSON.parse(text) as Hook['body'] });
  }
}
