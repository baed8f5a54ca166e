import type { ConntrackTuple } from '../../rows.ts';

/** A tracked connection as the kernel works with it (struct nf_conn). Its row in the table is derived. */
export interface NfConn {
  readonly id: number;
  readonly protocol: number;
  original: ConntrackTuple;
  reply: ConntrackTuple;
  zone: number;
  mark: number;
}
