// What went wrong, said where it is missed.
import { t } from './words.ts';

/** `old`: what is shown beside it was asked before. */
export function Problem({ text, old = false }: { readonly text: string | null; readonly old?: boolean }) {
  if (text === null) return null;
  return (
    <p class="problem" role="alert">
      {text}
      {old && ` ${t('problem.old')}`}
    </p>
  );
}
