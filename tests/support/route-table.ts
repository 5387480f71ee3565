// The routes of the servers that are made while it watches, as fastify itself has them: nothing that a document might leave out.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

const CHANNEL = 'fastify.initialization';

export class RouteTable {
  readonly #found = new Set<string>();
  readonly #listener = (message: unknown): void => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (one !== 'HEAD') this.#found.add(`${one} ${url}`);
    });
  };

  watch(): void {
    subscribe(CHANNEL, this.#listener);
  }

  /** Of the servers made meanwhile, as `METHOD /url/:parameter`. */
  done(): string[] {
    unsubscribe(CHANNEL, this.#listener);
    return [...this.#found].toSorted();
  }
}
