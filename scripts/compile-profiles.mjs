// Writes profiles.json into a folder of profiles: the head of each and all of it as JSON, under the hash of its YAML (agent/profile/built-profiles.ts).
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse } from 'yaml';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const CATALOGUE = path.join(root, 'dist/agent/profile/catalogue.js');

/** Only where all of them are sound together, as dist/ finds: a start relies on it. With a mistake there is no file, and the start tells the mistake. */
export async function compileProfiles(folder) {
  const place = path.join(folder, 'profiles.json');
  rmSync(place, { force: true });
  if (!existsSync(CATALOGUE) || !(await areSound(folder))) return;
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  const entries = files.map((file) => {
    const yaml = readFileSync(path.join(folder, file), 'utf8');
    const value = parse(yaml);
    const head = Object.fromEntries(
      ['name', 'extends', 'matches'].filter((key) => key in value).map((key) => [key, value[key]]),
    );
    return [createHash('sha256').update(yaml).digest('hex'), { head, text: JSON.stringify(value) }];
  });
  writeFileSync(place, JSON.stringify(Object.fromEntries(entries)));
}

async function areSound(folder) {
  const { loadProfiles } = await import(pathToFileURL(CATALOGUE).href);
  try {
    loadProfiles(folder).compileAll();
    return true;
  } catch {
    return false;
  }
}
