// The form of a maintenance window: of what, once or by a rule, with the next occurrences before it is planned.
import { useState } from 'preact/hooks';
import { WEEKDAYS, type Weekday } from '../../../../common/model/local-time.ts';
import { Field } from './field.tsx';
import { duration } from './format.ts';
import { monthDaysOf, nextOccurrences, type Rule } from './next-occurrences.ts';
import { locale, t } from './words.ts';

const KINDS = ['devices', 'sites', 'tags', 'services'] as const;
const SHOWN = 4;
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface Draft {
  readonly kind: (typeof KINDS)[number];
  readonly names: string;
  readonly again: boolean;
  readonly from: string;
  readonly to: string;
  readonly rule: Rule;
  readonly monthDays: string;
  readonly reason: string;
  readonly upgrade: boolean;
  readonly excludedFromKpis: boolean;
}

/** As the browser's field for a time wants it: local, without a zone. */
function local(ms: number): string {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 16);
}

function emptyDraft(): Draft {
  return {
    kind: 'devices',
    names: '',
    again: false,
    from: local(Date.now()),
    to: local(Date.now() + 7_200_000),
    rule: { zone: HERE, weekdays: ['sunday'], monthDays: [], start: '02:00', durationMinutes: 120 },
    monthDays: '',
    reason: '',
    upgrade: false,
    excludedFromKpis: false,
  };
}

function bodyOf({ kind, names, again, from, to, rule, reason, upgrade, excludedFromKpis }: Draft): object {
  const when = again ? { recurrence: rule } : { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  // Names of sites may have spaces: then they are told apart by commas.
  const separator = names.includes(',') ? /\s*,\s*/ : /\s+/;
  return { [kind]: names.trim().split(separator).filter(Boolean), ...when, reason, upgrade, excludedFromKpis };
}

export function NewWindow({ onMake }: { readonly onMake: (body: object) => Promise<unknown> }) {
  const [draft, setDraft] = useState(emptyDraft);
  const set = (changes: Partial<Draft>): void => setDraft((last) => ({ ...last, ...changes }));
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void onMake(bodyOf(draft));
      }}
    >
      <Field
        label={t('maintenance.of')}
        value={draft.kind}
        onValue={(kind) => set({ kind: KINDS.find((one) => one === kind) ?? 'devices' })}
        choices={[
          ['devices', t('devices')],
          ['sites', t('nav.sites')],
          ['tags', t('tags')],
          ['services', t('services')],
        ]}
      />
      <Field label={t('maintenance.names')} value={draft.names} onValue={(names) => set({ names })} required />
      <Field label={t('reason')} value={draft.reason} onValue={(reason) => set({ reason })} required />
      <Field
        label={t('maintenance.when')}
        value={draft.again ? 'again' : 'once'}
        onValue={(when) => set({ again: when === 'again' })}
        choices={[
          ['once', t('maintenance.once')],
          ['again', t('maintenance.recurring')],
        ]}
      />
      {draft.again ? <RuleFields draft={draft} set={set} /> : <OnceFields draft={draft} set={set} />}
      <div class="actions">
        <Check label={t('maintenance.upgrade')} value={draft.upgrade} onValue={(upgrade) => set({ upgrade })} />
        <Check
          label={t('maintenance.excluded')}
          value={draft.excludedFromKpis}
          onValue={(excludedFromKpis) => set({ excludedFromKpis })}
        />
        <button type="submit" class="main">
          {t('maintenance.make')}
        </button>
      </div>
    </form>
  );
}

interface PartProps {
  readonly draft: Draft;
  readonly set: (changes: Partial<Draft>) => void;
}

function OnceFields({ draft: { from, to }, set }: PartProps) {
  return (
    <>
      <Field
        label={t('maintenance.from')}
        type="datetime-local"
        value={from}
        onValue={(value) => set({ from: value })}
        required
      />
      <Field
        label={t('maintenance.to')}
        type="datetime-local"
        value={to}
        onValue={(value) => set({ to: value })}
        required
      />
    </>
  );
}

function RuleFields({ draft: { rule, monthDays }, set }: PartProps) {
  const change = (changes: Partial<Rule>): void => set({ rule: { ...rule, ...changes } });
  return (
    <>
      <fieldset class="whole days">
        <legend>{t('maintenance.weekdays')}</legend>
        {WEEKDAYS.map((day) => (
          <Check
            key={day}
            label={dayName(day)}
            value={rule.weekdays.includes(day)}
            onValue={(on) =>
              change({ weekdays: WEEKDAYS.filter((one) => (one === day ? on : rule.weekdays.includes(one))) })
            }
          />
        ))}
      </fieldset>
      <Field
        label={t('maintenance.monthDays')}
        value={monthDays}
        hint="1, 15, -1"
        onValue={(text) => set({ monthDays: text, rule: { ...rule, monthDays: monthDaysOf(text) ?? [] } })}
      />
      <Field
        label={t('maintenance.start')}
        type="time"
        value={rule.start}
        onValue={(start) => change({ start })}
        required
      />
      <Field
        label={t('maintenance.minutes')}
        type="number"
        value={String(rule.durationMinutes)}
        onValue={(minutes) => change({ durationMinutes: Number(minutes) })}
        required
      />
      <Field
        label={t('maintenance.zone')}
        value={rule.zone}
        suggestions={Intl.supportedValuesOf('timeZone')}
        onValue={(zone) => change({ zone })}
        required
      />
      <Next rule={rule} wrong={monthDaysOf(monthDays) === null} />
    </>
  );
}

/** In the reader's time, as everything beside bills. */
function Next({ rule, wrong }: { readonly rule: Rule; readonly wrong: boolean }) {
  const next = wrong ? [] : occurrencesOf(rule);
  return (
    <p class="whole note" role="status">
      {next.length === 0
        ? t('maintenance.never')
        : t('maintenance.next', { times: next.map(({ fromMs }) => whenText(fromMs)).join(' · ') })}
    </p>
  );
}

function occurrencesOf(rule: Rule) {
  try {
    return nextOccurrences(rule, Date.now(), SHOWN);
  } catch {
    return []; // no zone that there is
  }
}

function whenText(ms: number): string {
  const at = new Date(ms);
  const date = at.toLocaleDateString(locale(), { day: '2-digit', month: '2-digit' });
  const clock = at.toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return `${dayName(WEEKDAYS[(at.getDay() + 6) % 7] ?? 'monday')} ${date} ${clock}`;
}

function dayName(day: Weekday): string {
  return t(`weekday.${day}`);
}

/** A rule in words, with what comes after the next one. */
export function RuleText({ rule }: { readonly rule: Rule }) {
  const days = [...rule.weekdays.map(dayName), ...rule.monthDays.map(String)].join(', ');
  const then = occurrencesOf(rule).slice(1);
  return (
    <div class="note">
      {days === '' ? t('maintenance.daily') : days} {rule.start} ({rule.zone}), {duration(rule.durationMinutes * 60)}
      {then.length > 0 && (
        <> · {t('maintenance.then', { times: then.map(({ fromMs }) => whenText(fromMs)).join(' · ') })}</>
      )}
    </div>
  );
}

interface CheckProps {
  readonly label: string;
  readonly value: boolean;
  readonly onValue: (value: boolean) => void;
}

function Check({ label, value, onValue }: CheckProps) {
  return (
    <label>
      <input type="checkbox" checked={value} onChange={(event) => onValue(event.currentTarget.checked)} /> {label}
    </label>
  );
}
