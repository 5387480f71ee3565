// Writes profiles.json into a folder of profiles: what its YAML says, under the hash of each file, so that a start need not parse YAML.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export function compileProfiles(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  const entries = files.map((file) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    return [createHash('sha256').update(text).digest('hex'), parse(text)];
  });
  writeFileSync(path.join(folder, 'profiles.json'), JSON.stringify(Object.fromEntries(entries)));
}
