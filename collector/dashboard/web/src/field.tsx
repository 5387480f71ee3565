// One field of a form with its label: a text, a text with suggestions, or a choice.
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string;
  readonly required?: boolean;
  readonly type?: 'text' | 'number' | 'date' | 'time' | 'datetime-local';
  readonly suggestions?: readonly string[];
  /** Nothing but these; with words of their own where they are pairs. */
  readonly choices?: readonly (string | readonly [value: string, word: string])[];
}

export function Field({ label, value, onValue, hint, required, type = 'text', suggestions, choices }: FieldProps) {
  const list = useId();
  return (
    <label class="field">
      <span>{label}</span>
      {choices === undefined ? (
        <input
          type={type}
          value={value}
          placeholder={hint}
          required={required}
          list={suggestions === undefined ? undefined : list}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      ) : (
        <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
          {choices.map((one) => {
            const [id, word] = typeof one === 'string' ? [one, one] : one;
            return (
              <option key={id} value={id}>
                {word}
              </option>
            );
          })}
        </select>
      )}
      {suggestions !== undefined && (
        <datalist id={list}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </label>
  );
}
