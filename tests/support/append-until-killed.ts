// A program that appends to a journal as fast as it goes, and trims what is old, telling each position once it is acknowledged, until it is killed.
import { openJournal } from '../../common/journal/lmdb-journal.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { steadyEntry } from './steady-entry.ts';

const [folder = '', keep = '0'] = process.argv.slice(2);
const journal = openJournal(createReporter({ component: 'journal', level: 'error' }), {
  folder,
  maxBytes: 1e9,
  reserveBytes: 1e6,
  maxPendingBytes: 1e8,
});
for (;;) {
  const last = journal.lastPosition();
  const group = [1, 2, 3].map((more) => journal.append(steadyEntry(last + more)));
  if (Number(keep) > 0) void journal.trim(last - Number(keep));
  process.stdout.write(`${Math.max(...(await Promise.all(group)))}\n`);
}
