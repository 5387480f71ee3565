// How Node is to be started for a billing bridge: it sleeps most of the time, beside the collector, and has a few busy minutes at the end of a month.

/**
 * V8 lets the heap of a long-lived process grow to several times what lives in it, and collects with helpers that wait for each other where
 * the cores are few. Rating and billing are as fast with these (docs/benchmarks.md).
 */
export const BRIDGE_NODE_FLAGS: readonly string[] = [
  '--single-threaded-gc',
  '--max-semi-space-size=8',
  '--heap-growing-percent=45',
];
