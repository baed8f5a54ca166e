import { useMemo } from 'react';
import { namesOf, parseMac, type Packet } from '../../core/index.ts';
import { packetBefore } from '../../store/packet-history.ts';
import { usePlayerState } from '../player/player-context.ts';
import { DecidedBy } from '../tables/DecidedBy.tsx';
import { Budget } from './Budget.tsx';
import { Hex } from './Hex.tsx';
import { PacketTree, type NameMac } from './PacketTree.tsx';
import { RewrittenBy } from './RewrittenBy.tsx';

/** The packet of the current step: its headers as a tree, what changed in them, what decided, and its bytes. */
export default function PacketPanel() {
  const run = usePlayerState((state) => state.run);
  const seq = usePlayerState((state) => state.seq);
  const shown = useMemo(() => (run ? packetAt(run.trace.steps, seq) : null), [run, seq]);
  if (!run) return null;
  const nameMac: NameMac = (text) => {
    const mac = /^[0-9a-f:]{17}$/.test(text) ? parseMac(text) : null;
    return mac === null ? text : namesOf(run.trace).mac(mac, seq);
  };
  if (!shown) return <p className="panel-empty">No packet is on its way yet. Step on, and it will appear here.</p>;
  const before = packetBefore(run.trace, shown.seq);
  return (
    <>
      {shown.seq === seq ? null : <p className="panel-note">This step is about no packet; the last one was:</p>}
      <Budget seq={shown.seq} />
      <PacketTree packet={shown.packet} before={before} nameMac={nameMac} />
      <RewrittenBy seq={shown.seq} />
      <DecidedBy seq={seq} />
      <Hex packet={shown.packet} />
    </>
  );
}

function packetAt(steps: readonly { seq: number; kind: string; packet: Packet | null }[], seq: number): { seq: number; packet: Packet } | null {
  for (let i = seq; i >= 0; i--) {
    const step = steps[i]!;
    if (step.packet) return { seq: i, packet: step.packet };
    if (step.kind === 'lab.step') return null;
  }
  return null;
}
