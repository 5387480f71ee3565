// A process of its own that takes locks, for tests of who gets them: `race FOLDER ROUNDS START` tries FOLDER/n/lock at START + 10 n and prints those it got as JSON; `hold FILE` takes one and prints its id. Both keep what they have until they are killed.
import { codeOf } from '../../common/runtime/errors.ts';
import { holdLock } from '../../common/runtime/process-lock.ts';

const [mode = '', place = '', rounds = '0', start = '0'] = process.argv.slice(2);

function got(file: string): boolean {
  try {
    holdLock(file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'data_folder_in_use') return false;
    throw error;
  }
}

if (mode === 'hold') process.stdout.write(`${got(place) ? process.pid : 'refused'}\n`);
else {
  const held: number[] = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    const at = Number(start) + 10 * round;
    while (Date.now() < at);
    if (got(`${place}/${round}/lock`)) held.push(round);
  }
  process.stdout.write(`${JSON.stringify(held)}\n`);
}
setTimeout(() => undefined, 60_000);
