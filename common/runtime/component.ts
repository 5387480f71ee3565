// The one shape of everything that runs: an inert constructor, start, and a stop that is safe twice and without a start.

export interface Component {
  start(): Promise<void>;
  /** Flushes onward what it holds, then lets go of its resources. Safe to call twice, and without start. */
  stop(): Promise<void>;
}

/** Starts in order; when one fails, stops those already started in reverse and throws its error. */
export async function startAll(components: readonly Component[]): Promise<void> {
  const started: Component[] = [];
  for (const component of components) {
    try {
      started.push(component);
      await component.start();
    } catch (error) {
      await stopAll(started).catch(() => undefined);
      throw error;
    }
  }
}

/** Stops in reverse order; one that fails does not keep the others from stopping, the first error is thrown at the end. */
export async function stopAll(components: readonly Component[]): Promise<void> {
  const failures: unknown[] = [];
  for (const component of components.toReversed()) {
    try {
      await component.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
