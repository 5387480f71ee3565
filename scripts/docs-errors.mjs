// Writes docs/errors.md from the error table, so that the two cannot differ.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

await build();
const { errorsPage } = await import('../dist/common/runtime/error-table.js');
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
writeFileSync(path.join(root, 'docs', 'errors.md'), errorsPage());
