declare module 'virtual:scenarios' {
  import type { ScenarioEntry } from './scenarios.ts';

  /** Every scenario, in the order of the course (scripts/vite-scenarios.ts). */
  const scenarios: readonly ScenarioEntry[];
  export default scenarios;
}
