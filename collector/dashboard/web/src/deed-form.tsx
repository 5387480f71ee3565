// A form that opens in a card for one deed: its fields, the deed, a way out of it, and what the server said against it.
import type { ComponentChildren } from 'preact';
import { Problem } from './problem.tsx';
import { t } from './words.ts';

interface DeedFormProps {
  /** On the button that does it. */
  readonly deed: string;
  readonly problem: string | null;
  readonly onDeed: () => Promise<void>;
  readonly onCancel: () => void;
  readonly children: ComponentChildren;
}

export function DeedForm({ deed, problem, onDeed, onCancel, children }: DeedFormProps) {
  return (
    <form
      class="form framed"
      onSubmit={(event) => {
        event.preventDefault();
        void onDeed();
      }}
    >
      {children}
      <div class="actions">
        <button type="submit" class="main">
          {deed}
        </button>
        <button type="button" class="plain" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
      <Problem text={problem} />
    </form>
  );
}
