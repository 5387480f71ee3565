// Another try for a batch in quarantine: into the journal again under its own sequence, so that every projection, and whoever pulls readings, comes by it.
import type { AuditEntry } from '../../common/database/audit.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { BatchJournal } from '../journal/batch-journal.ts';
import type { BatchReader } from './batch-reader.ts';
import type { Quarantine } from './quarantine.ts';

export interface SecondTryDeps {
  readonly quarantine: Pick<Quarantine, 'entry' | 'resolve' | 'retell'>;
  readonly reader: Pick<BatchReader, 'readAnew'>;
  readonly journal: Pick<BatchJournal, 'append'>;
  /** Something was appended. */
  readonly wake: () => void;
}

export class SecondTry {
  readonly #deps: SecondTryDeps;

  constructor(deps: SecondTryDeps) {
    this.#deps = deps;
  }

  /** Resolves with its new position; a projection that fails on it again sets it aside anew. Throws not_found, or retry_failed with why it still cannot be read. */
  async run(id: number, by: AuditEntry): Promise<number> {
    const { quarantine, reader, journal, wake } = this.#deps;
    const entry = await quarantine.entry(id);
    if (entry === null) throw new WeirError('not_found', `There is no batch ${id} in quarantine.`);
    try {
      await reader.readAnew(entry);
    } catch (error) {
      const reason = { code: codeOf(error), message: messageOf(error) };
      await quarantine.retell(id, reason);
      throw new WeirError('retry_failed', `The batch fails again: ${reason.code}: ${reason.message}`, { id }, error);
    }
    const position = await journal.append({ ...entry.envelope, again: true }, entry.body);
    wake();
    await quarantine.resolve(id, { ...by, after: { position } });
    return position;
  }
}
