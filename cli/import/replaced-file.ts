// Replaces a file whole: whoever reads it, and a crash, finds the old text or the new one.
import {
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';

/** `before`: what the new text was made of; import_refused where the file is another by now or cannot be written. Mode and owner stay, and a link stays a link. */
export function replaceFile(file: string, before: string, text: string): void {
  let beside: string | null = null;
  try {
    const place = realpathSync(file);
    if (readFileSync(place, 'utf8') !== before) throw new Error('it was changed meanwhile');
    const { mode, uid, gid } = statSync(place);
    const made = path.join(path.dirname(place), `.${path.basename(place)}.${process.pid}.new`);
    const handle = openSync(made, 'wx', mode);
    beside = made;
    try {
      // An ordinary user cannot give files away, and need not: it is the owner or may not be meant.
      if (process.getuid?.() === 0) chownSync(made, uid, gid);
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(made, place);
  } catch (cause) {
    if (beside !== null) rmSync(beside, { force: true });
    throw new WeirError('import_refused', `${file} was left as it is: ${messageOf(cause)}.`, { file }, cause);
  }
}
