// A way between an agent and a collector that a test can cut, and lead elsewhere when the collector comes back under another port.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpRelay {
  /** Where connections go; null: they are cut, and no new one is taken. */
  #target: number | null;
  readonly #open = new Set<Socket>();
  #server: Server | null = null;

  constructor(target: number | null) {
    this.#target = target;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server?.address() ?? null;
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  lead(target: number | null): void {
    this.#target = target;
    if (target === null) for (const socket of this.#open) socket.destroy();
  }

  async start(): Promise<void> {
    const server = createServer((near) => {
      if (this.#target === null) return void near.destroy();
      const far = connect(this.#target, '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#open.add(one);
        one.on('error', () => undefined);
        one.once('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.lead(null);
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}
