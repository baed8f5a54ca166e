declare module 'virtual:scenarios' {
  const scenarios: readonly {
    readonly id: string;
    readonly title: string;
    readonly chapter: string;
    readonly summary: string;
    readonly beats: number;
    readonly questions: number;
    readonly load: () => Promise<import('../core/index.ts').Lab>;
  }[];
  export default scenarios;
}
