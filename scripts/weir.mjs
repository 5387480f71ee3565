// Runs the weir command from a checkout: builds what changed, then hands over in the same process.
import { build } from './build.mjs';

await build();
await import('../dist/cli/weir.js');
