// A system that is told of alarms: keeps what comes, in its order, and answers as it is told to.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { eventually } from './collector-fixture.ts';

export interface Heard {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: {
    readonly eventId: string;
    readonly eventType: string;
    readonly event: Readonly<Record<string, { readonly id?: string } & Readonly<Record<string, unknown>>>>;
  };
}

export class AlarmListener {
  readonly heard: Heard[] = [];
  /** What it answers; by the number of the request, from 0. */
  answer: (at: number) => number = () => 204;
  readonly #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on('end', () => {
        const status = this.answer(this.heard.length);
        this.heard.push({
          path: request.url ?? '',
          headers: request.headers,
          text,
          body: JSON.parse(text) as Heard['body'],
        });
        response.writeHead(status).end();
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Of each event its type and the id of its alarm. */
  get told(): string[] {
    return this.heard.map(({ body }) => `${body.eventType} ${body.event['alarm']?.id ?? ''}`.trim());
  }

  async hears(count: number): Promise<void> {
    await eventually(async () => this.heard.length >= count, `${count} events, there are ${this.told.join(', ')}`);
  }
}
