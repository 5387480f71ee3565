// Light, dark, or as the machine has it.
export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = 'weir.theme';

export function theme(): Theme {
  const kept = localStorage.getItem(KEPT);
  return THEMES.find((one) => one === kept) ?? 'auto';
}

export function chooseTheme(wanted: Theme): void {
  localStorage.setItem(KEPT, wanted);
  apply();
  dispatchEvent(new Event('weir-theme'));
}

function apply(): void {
  const chosen = theme();
  if (chosen === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}
apply();
