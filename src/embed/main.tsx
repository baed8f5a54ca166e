import '../views/theme/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { EmbedPage } from './EmbedPage.tsx';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <EmbedPage />
  </StrictMode>,
);
