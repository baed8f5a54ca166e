import type { Packet } from '../../core/index.ts';
import { HEADER_LOOK, stripHeaders, stripLine } from './layers.ts';
import './packet-strip.css';

interface PacketStripProps {
  readonly packet: Packet;
  readonly state: 'here' | 'moving' | 'dropped';
  /** Without the address line, for the many copies of a flood. */
  readonly small?: boolean;
}

/** A packet as a strip of its headers, outermost first. */
export function PacketStrip({ packet, state, small = false }: PacketStripProps) {
  return (
    <span className={`strip ${state}${small ? ' small' : ''}`} data-strip={stripHeaders(packet).map((header) => HEADER_LOOK[header.kind].label).join(' ')}>
      <span className="strip-headers">
        {stripHeaders(packet).map((header, index) => {
          const { label, layer } = HEADER_LOOK[header.kind];
          return (
            <span key={index} className={`strip-header ${layer}`}>
              {label}
            </span>
          );
        })}
      </span>
      {small ? null : <span className="strip-line">{stripLine(packet)}</span>}
      {state === 'dropped' ? (
        <span className="strip-cross" aria-hidden="true">
          ✕
        </span>
      ) : null}
    </span>
  );
}
