import { THEMES, type Theme } from '../store/url.ts';

const LOOK: Readonly<Record<Theme, { readonly sign: string; readonly name: string }>> = {
  auto: { sign: '◐', name: 'as the system' },
  light: { sign: '☀', name: 'light' },
  dark: { sign: '☾', name: 'dark' },
};

/** Cycles through the themes. */
export function ThemeButton({ theme, onTheme }: { readonly theme: Theme; readonly onTheme: (theme: Theme) => void }) {
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  return (
    <button type="button" className="button" aria-label={`Theme: ${LOOK[theme].name}; change to ${LOOK[next].name}`} title={`Theme: ${LOOK[theme].name}`} onClick={() => onTheme(next)}>
      {LOOK[theme].sign}
    </button>
  );
}
