// Secrets come by reference: `${NAME}` from the environment, `file:PATH` from a file; a plain text is taken as it stands.
import { readFileSync } from 'node:fs';
import { WeirError } from './errors.ts';

const ENVIRONMENT = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** Resolves a reference where it is used, never earlier; the error names the reference, never a value. */
export function resolveSecret(reference: string, environment: Readonly<Record<string, string | undefined>>): string {
  const variable = ENVIRONMENT.exec(reference)?.[1];
  if (variable !== undefined) {
    const value = environment[variable];
    if (value === undefined || value === '')
      throw new WeirError('secret_unresolved', `The environment has no ${variable}.`, { reference });
    return value;
  }
  if (!reference.startsWith('file:')) return reference;
  try {
    return readFileSync(reference.slice('file:'.length), 'utf8').trimEnd();
  } catch (cause) {
    throw new WeirError('secret_unresolved', `Cannot read the secret ${reference}.`, { reference }, cause);
  }
}
