declare module 'virtual:scenarios' {
  import type { Lab } from '../core/index.ts';

  const scenarios: readonly {
    readonly id: string;
    readonly title: string;
    readonly chapter: string;
    readonly chapterTitle: string;
    readonly summary: string;
    readonly beats: number;
    readonly questions: number;
    readonly load: () => Promise<Lab>;
  }[];
  export default scenarios;
}
