// Secrets come by reference: `${NAME}` from the environment, `file:PATH` from a file; a plain text is taken as it stands.
import { readFileSync } from 'node:fs';
import { WeirError } from './errors.ts';

const ENVIRONMENT = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** Resolves a reference where it is used, never earlier; the error names the reference, never a value. */
export function resolveSecret(reference: string, environment: Readonly<Record<string, string | undefined>>): string {
  const variable = ENVIRONMENT.exec(reference)?.[1];
  if (variable !== undefined) {
    const value = Object.hasOwn(environment, variable) ? environment[variable] : undefined;
    if (value === undefined || value === '')
      throw new WeirError('secret_unresolved', `The environment has no ${variable}.`, { reference });
    return value;
  }
  if (!reference.startsWith('file:')) return reference;
  const value = readSecret(reference);
  if (value === '') throw new WeirError('secret_unresolved', `The secret ${reference} is empty.`, { reference });
  return value;
}

/** The end of the line is the editor's; blanks may be the secret's. */
function readSecret(reference: string): string {
  try {
    return readFileSync(reference.slice('file:'.length), 'utf8').replace(/[\r\n]+$/, '');
  } catch (cause) {
    throw new WeirError('secret_unresolved', `Cannot read the secret ${reference}.`, { reference }, cause);
  }
}
