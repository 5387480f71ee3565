// What the thread has to be told of the engines: all of them, but only when something is news.
import type { KnownEngine } from './exchange.ts';

/** Two looks at one clock may differ by this much. */
const SAME_CLOCK_SECONDS = 5;

export class EngineFeed {
  #sent = new Map<string, { readonly engineId: string; readonly boots: number; readonly bootAtSeconds: number }>();

  /** The next look is news whatever it shows. */
  reset(): void {
    this.#sent.clear();
  }

  /** The engines to tell; null where they are as they were, but for clocks that went on. */
  news(engines: readonly KnownEngine[], nowSeconds: number): KnownEngine[] | null {
    const same = ({ device, engineId, boots, timeSeconds }: KnownEngine): boolean => {
      const before = this.#sent.get(device);
      if (before === undefined || before.engineId !== engineId || before.boots !== boots) return false;
      return Math.abs(nowSeconds - timeSeconds - before.bootAtSeconds) < SAME_CLOCK_SECONDS;
    };
    if (engines.length === this.#sent.size && engines.every(same)) return null;
    const plain = engines.map(({ device, engineId, boots, timeSeconds }) => ({ device, engineId, boots, timeSeconds }));
    this.#sent = new Map(
      plain.map(({ device, engineId, boots, timeSeconds }) => [
        device,
        { engineId, boots, bootAtSeconds: nowSeconds - timeSeconds },
      ]),
    );
    return plain;
  }
}
