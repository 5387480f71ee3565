// Every word of the page in the reader's language: one catalogue a language, the same keys in each.
import arabic from './arabic.json';
import english from './english.json';

export type Word = keyof typeof english;

export const LANGUAGES = { en: 'English', ar: 'العربية' } as const;
export type Language = keyof typeof LANGUAGES;

const CATALOGUES: Readonly<Record<Language, Readonly<Record<Word, string>>>> = { en: english, ar: arabic };
const KEPT = 'weir.language';

function isLanguage(text: string | null | undefined): text is Language {
  return text != null && Object.hasOwn(CATALOGUES, text);
}

function firstLanguage(): Language {
  const kept = localStorage.getItem(KEPT);
  if (isLanguage(kept)) return kept;
  const wanted = navigator.language.split('-')[0];
  return isLanguage(wanted) ? wanted : 'en';
}

let current: Language = firstLanguage();

function tellDocument(): void {
  document.documentElement.lang = current;
  document.documentElement.dir = current === 'ar' ? 'rtl' : 'ltr';
}
tellDocument();

export function language(): Language {
  return current;
}

/** What is drawn before stays as it was: the page is drawn anew by whoever asks for another language. */
export function chooseLanguage(wanted: Language): void {
  current = wanted;
  localStorage.setItem(KEPT, wanted);
  tellDocument();
}

/** How figures and times are written: digits that people compare with their equipment stay Latin. */
export function locale(): string | undefined {
  return current === 'ar' ? 'ar-u-nu-latn' : undefined;
}

/** The word, with `{name}` replaced. */
export function t(word: Word, values: Readonly<Record<string, string | number>> = {}): string {
  return CATALOGUES[current][word].replaceAll(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

/** A word that comes from the server (a severity, a state): as the catalogue has it, else as it came. */
export function said(
  prefix: 'severity' | 'state' | 'kind' | 'alarmType' | 'deed' | 'noDiagnosis',
  text: string,
): string {
  const key = `${prefix}.${text}`;
  return Object.hasOwn(english, key) ? t(key as Word) : text.replaceAll(/[-_]/g, ' ');
}
