// Copies the packaged binaries to where the server's user can read them, and tells whether a copy is whole.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** Static libraries and build files: nothing that runs needs them. */
const LEFT_OUT = /\.a$|^pkgconfig$|^include$/;

/** Copies files and folders, readable by everybody whatever the umask; links are not followed or copied. */
export function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (LEFT_OUT.test(entry.name)) continue;
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    else if (entry.isFile()) {
      copyFileSync(source, target);
      chmodSync(target, (statSync(source).mode & 0o111) === 0 ? 0o644 : 0o755);
    }
  }
}

/** Whether every file of `from` stands in `to` with the same size: a copy that a crash left half-written has not. */
export function sameTree(from: string, to: string): boolean {
  const copied = new Map(sizesBelow(to, ''));
  return sizesBelow(from, '').every(([name, size]) => copied.get(name) === size);
}

function sizesBelow(root: string, below: string): [string, number][] {
  const folder = path.join(root, below);
  const there = statSync(folder, { throwIfNoEntry: false });
  if (there === undefined) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): [string, number][] => {
    if (LEFT_OUT.test(entry.name)) return [];
    const name = path.join(below, entry.name);
    if (entry.isDirectory()) return sizesBelow(root, name);
    return entry.isFile() ? [[name, statSync(path.join(root, name)).size]] : [];
  });
}
