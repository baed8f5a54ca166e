import { lazy, Suspense, useEffect, useState } from 'react';
import scenarios from 'virtual:scenarios';
import { readAddress, type Theme } from '../store/url.ts';
import { Gallery } from '../views/gallery/Gallery.tsx';
import { applyTheme, storedTheme, storeTheme } from '../views/theme/theme.ts';
import { ThemeButton } from './ThemeButton.tsx';
import '../views/workbench/workbench.css';

const ScenarioPage = lazy(() => import('./ScenarioPage.tsx'));

/** The two pages: the gallery, or one scenario. Which one, and at which moment, stands in the address. */
export function App() {
  const [{ address, problems }, setPlace] = useState(() => readAddress(location.search, scenarios.map((entry) => entry.id)));
  const [theme, setTheme] = useState<Theme>(() => (address.theme === 'auto' ? storedTheme() : address.theme));
  useEffect(() => applyTheme(theme), [theme]);
  useEffect(() => {
    const moved = (): void => setPlace(readAddress(location.search, scenarios.map((entry) => entry.id)));
    addEventListener('popstate', moved);
    return () => removeEventListener('popstate', moved);
  }, []);
  const choose = (next: Theme): void => {
    storeTheme(next);
    setTheme(next);
  };
  const themeButton = <ThemeButton theme={theme} onTheme={choose} />;
  if (address.scenario === null) {
    return (
      <>
        <header className="page-top">
          <a className="logo" href="./">
            hop<i>scope</i>
          </a>
          <span className="crumb" />
          <nav aria-label="Page">{themeButton}</nav>
        </header>
        <Gallery scenarios={scenarios} problems={problems} />
      </>
    );
  }
  return (
    <Suspense fallback={<p className="loading">Loading…</p>}>
      <ScenarioPage key={address.scenario} address={address} problems={problems} scenarios={scenarios} tools={themeButton} />
    </Suspense>
  );
}
