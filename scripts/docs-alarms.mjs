// Writes docs/alarms.md from the inventory of alarm types, so that the two cannot differ.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

await build();
const { alarmsPage } = await import('../dist/collector/faults/alarms-page.js');
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
writeFileSync(path.join(root, 'docs', 'alarms.md'), alarmsPage());
