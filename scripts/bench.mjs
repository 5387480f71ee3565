// Runs the benchmarks from a checkout: builds what changed, then measures the built files.
import { build } from './build.mjs';

await build();
const { runBench } = await import('../dist/bench/main.js');
process.exitCode = await runBench(process.argv.slice(2), process.env);
