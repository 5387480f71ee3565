// What an operator does to alarms, to the one that is shown or to all that are marked.
import { useContext, useState } from 'preact/hooks';
import { type Action, act } from './alarm-actions.ts';
import { LiveContext } from './live.ts';
import { useReader } from './reader.ts';
import { t } from './words.ts';

/** Runs what an operator asked, then asks for what is so now. */
export function useActions(done: () => void): {
  readonly problem: string | null;
  readonly run: (ids: readonly string[], action: Action) => Promise<void>;
} {
  const live = useContext(LiveContext);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (ids: readonly string[], action: Action): Promise<void> => {
    if (ids.length === 0) return;
    const refused = await act(ids, action);
    setProblem(refused);
    if (refused === null) done();
    live.now();
  };
  return { problem, run };
}

interface ActionBarProps {
  /** Marked ones; null where it is about the one that is shown. */
  readonly count: number | null;
  /** Who sees to alarms already: to choose from. */
  readonly owners: readonly string[];
  readonly onAction: (action: Action) => void;
}

const SHELVES = [1, 4, 24, 168] as const;

export function ActionBar({ count, owners, onAction }: ActionBarProps) {
  const [text, setText] = useState('');
  const [hours, setHours] = useState<number>(4);
  const off = count === 0;
  const say = (action: Action): void => {
    onAction(action);
    setText('');
  };
  return (
    <div class="actions" role="group" aria-label={t('alarms.actions')}>
      {count !== null && <span class="note">{t('alarms.marked', { n: count })}</span>}
      <input
        type="text"
        value={text}
        maxLength={2000}
        placeholder={t('alarm.reason')}
        aria-label={t('alarm.reason')}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="button" disabled={off} onClick={() => say({ kind: 'ack', text })}>
        {t('alarm.ack')}
      </button>
      <button type="button" disabled={off || text === ''} onClick={() => say({ kind: 'comment', text })}>
        {t('alarm.comment')}
      </button>
      <select
        aria-label={t('alarm.shelveFor')}
        value={hours}
        onChange={(event) => setHours(Number(event.currentTarget.value))}
      >
        {SHELVES.map((one) => (
          <option key={one} value={one}>
            {one} h
          </option>
        ))}
      </select>
      <button type="button" disabled={off} onClick={() => say({ kind: 'shelve', text, hours })}>
        {t('alarm.shelve')}
      </button>
      <Assign off={off} owners={owners} onAssign={(to) => say({ kind: 'assign', text, to })} />
      <button type="button" disabled={off} onClick={() => say({ kind: 'close', text })}>
        {t('alarm.close')}
      </button>
    </div>
  );
}

interface AssignProps {
  readonly off: boolean;
  readonly owners: readonly string[];
  readonly onAssign: (to: string | null) => void;
}

/** No name begins with a space. */
const [NOBODY, ANOTHER] = [' nobody', ' another'];
const MOST_OWNERS = 50;

/** To who reads this, to nobody any more, to somebody who has alarms already, or to another by name. */
function Assign({ off, owners, onAssign }: AssignProps) {
  const { who } = useReader();
  const [chosen, setChosen] = useState(who.name);
  const [name, setName] = useState('');
  const others = owners.filter((one) => one !== who.name).slice(0, MOST_OWNERS);
  const to = chosen === NOBODY ? null : chosen === ANOTHER ? name.trim() : chosen;
  return (
    <>
      <select
        aria-label={t('alarm.assignTo')}
        value={chosen}
        onChange={(event) => setChosen(event.currentTarget.value)}
      >
        <option value={who.name}>{t('alarm.toMe', { name: who.name })}</option>
        {others.map((one) => (
          <option key={one} value={one}>
            {t('alarm.toName', { name: one })}
          </option>
        ))}
        <option value={ANOTHER}>{t('alarm.toAnother')}</option>
        <option value={NOBODY}>{t('alarm.toNobody')}</option>
      </select>
      {chosen === ANOTHER && (
        <input
          type="text"
          value={name}
          maxLength={200}
          placeholder={t('name')}
          aria-label={t('alarm.assignName')}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      )}
      <button type="button" disabled={off || to === ''} onClick={() => onAssign(to)}>
        {t('alarm.assign')}
      </button>
    </>
  );
}
