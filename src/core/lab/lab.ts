/** A lab and its story, as parsed and checked (docs/scenario-format.md). Times in seconds. */
export interface Lab {
  readonly id: string;
  readonly title: string;
  readonly chapter: string;
  readonly summary: string;
  readonly sources: readonly { readonly title: string; readonly url: string }[];
  readonly ipv6: boolean;
  readonly brNetfilter: boolean;
  readonly igmp: boolean;
  readonly offload: boolean;
  /** Left out of recordings: `tcp/179`, `udp`. */
  readonly ignore: readonly string[];
  /** Seconds to wait after all setups. */
  readonly settle: number;
  readonly trace: boolean;
  readonly seed: number;
  readonly machines: readonly LabMachine[];
  readonly links: readonly LabLink[];
  readonly knobs: readonly Knob[];
  readonly steps: readonly LabStep[];
}

export interface LabMachine {
  readonly name: string;
  readonly setup: string;
  readonly timeout: number;
  readonly ipv6: boolean;
  readonly brNetfilter: boolean;
}

export type LabLink =
  | { readonly kind: 'cable'; readonly ends: readonly [Nic, Nic] }
  | { readonly kind: 'switch'; readonly name: string; readonly ports: readonly Nic[] };

export interface Nic {
  readonly machine: string;
  readonly device: string;
}

export interface Knob {
  readonly id: string;
  readonly label: string;
  readonly on: string;
  readonly set: string;
  readonly unset: string;
}

export interface LabStep {
  /** 1, 2, ... */
  readonly index: number;
  readonly note: string;
  /** Null in a step that only waits. */
  readonly on: string | null;
  readonly run: string;
  readonly sleep: number;
  /** It starts no earlier than this on the lab's clock, seconds from the start of the setups. */
  readonly at: number | null;
  readonly timeout: number;
  readonly settle: number;
  readonly expect: Expectation | null;
  readonly beats: readonly Beat[];
}

export interface Expectation {
  readonly exit: number | null;
  /** A regular expression. */
  readonly stdout: string | null;
  readonly delivered: string | null;
  readonly dropped: { readonly reason: string; readonly at: string | null } | null;
  readonly frames: readonly { readonly at: string; readonly count: number }[];
  readonly rows: readonly { readonly table: string; readonly match: Readonly<Record<string, string>> }[];
}

/** A moment of the story. */
export interface Beat {
  /** `start` and `end` of the lab step, or the first step of the trace (after the beat before it) that fits the pattern. */
  readonly at: 'start' | 'end' | BeatPattern;
  /** Markdown. */
  readonly say: string;
  readonly ask: Question | null;
  /** Which table or panel to open: a table's name, `packet`, `state`. */
  readonly show: string | null;
}

export interface BeatPattern {
  readonly kind: string;
  /** `node1/ns1:veth11`, `node1/ns1` or `node1`. */
  readonly place: string | null;
  /** Which occurrence, 1 by default. */
  readonly nth: number;
  /** Further fields of the step that must be equal, as text: `{ reason: NEIGH_FAILED }`. */
  readonly where: Readonly<Record<string, string>>;
}

export interface Question {
  readonly question: string;
  readonly options: readonly string[];
  /** Index into `options`, from 0. */
  readonly answer: number;
  readonly why: string;
}
