import type { Header, Packet } from '../../core/index.ts';
import { innerIndex } from '../../store/tunnels.ts';
import { HEADER_LOOK, overheadLine, stripHeaders, stripLine } from './layers.ts';
import './packet-strip.css';

interface PacketStripProps {
  readonly packet: Packet;
  readonly state: 'here' | 'moving' | 'dropped';
  /** Without the address line, for the many copies of a flood. */
  readonly small?: boolean;
  /** It has just got its outer headers, or has just lost those of `outer`. */
  readonly change?: 'wrapped' | 'unwrapped' | null;
  readonly outer?: Packet | null;
  /** What is in the tunnel is shown as what the underlay sees of it: a load. */
  readonly closed?: boolean;
}

/** A packet as a strip of its headers, outermost first; what a tunnel carries in a frame of its own. */
export function PacketStrip({ packet, state, small = false, change = null, outer = null, closed = false }: PacketStripProps) {
  const inner = innerIndex(packet);
  const inside = inner < 0 ? packet : packet.slice(inner);
  const lost = change === 'unwrapped' && outer ? outer.slice(0, Math.max(0, innerIndex(outer))) : [];
  return (
    <span className={`strip ${state}${small ? ' small' : ''}${change === null ? '' : ` ${change}`}`} data-strip={stripHeaders(packet).map((header) => HEADER_LOOK[header.kind].label).join(' ')}>
      <span className="strip-headers">
        {inner < 0 ? null : packet.slice(0, inner).map((header, index) => <Chip key={index} header={header} more="strip-outer" />)}
        {lost.map((header, index) => (
          <Chip key={`lost ${index}`} header={header} more="strip-lost" />
        ))}
        {inner >= 0 && closed ? <span className="strip-inner strip-closed">LOAD</span> : <Inside inner={inner >= 0} packet={inside} />}
      </span>
      {small ? null : <span className="strip-line">{inner < 0 ? stripLine(packet) : `${stripLine(packet.slice(0, inner))} ${overheadLine(packet, inner)}`}</span>}
      {state === 'dropped' ? (
        <span className="strip-cross" aria-hidden="true">
          ✕
        </span>
      ) : null}
    </span>
  );
}

function Inside({ inner, packet }: { readonly inner: boolean; readonly packet: Packet }) {
  const chips = stripHeaders(packet).map((header, index) => <Chip key={index} header={header} more="" />);
  return inner ? <span className="strip-inner">{chips}</span> : <>{chips}</>;
}

function Chip({ header, more }: { readonly header: Header; readonly more: string }) {
  const { label, layer } = HEADER_LOOK[header.kind];
  return <span className={`strip-header ${layer} ${more}`}>{label}</span>;
}
