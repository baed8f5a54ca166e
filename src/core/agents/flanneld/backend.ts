import type { Process } from '../../shell/process.ts';
import type { SimTime } from '../../sim/time.ts';
import type { AgentRunning } from '../agent.ts';
import type { Config } from './config.ts';
import type { ExternalInterface } from './external-interface.ts';
import type { Lease, LeaseEvent } from './lease.ts';
import type { SubnetManager } from './subnet-manager.ts';

/** What a backend is given. */
export interface BackendContext {
  readonly process: Process;
  readonly manager: SubnetManager;
  readonly config: Config;
  readonly iface: ExternalInterface;
}

/** Waits until a moment, while flanneld's other work goes on. */
export type Pause = (until: SimTime) => AgentRunning<void>;

/** A network that a backend has set up on this node. */
export interface BackendNetwork {
  readonly lease: Lease;
  readonly mtu: number;
  /** Its first words when it runs: file and text of the log. */
  readonly greeting: readonly [file: string, text: string];
  /** Does what a lease of another node asks for. */
  handle(event: LeaseEvent, pause: Pause): AgentRunning<void>;
  /** What it looks after by itself, and how often; null for nothing. */
  readonly check: { readonly seconds: number; run(): AgentRunning<void> } | null;
}

/** RegisterNetwork could not: `Error registering network: ...`. */
export class RegisterError extends Error {}
