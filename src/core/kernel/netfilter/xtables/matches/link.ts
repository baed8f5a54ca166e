import { deviceFits } from '../device-name.ts';
import type { XtMatcher } from '../xt-param.ts';
import type { MacMatch, PhysdevMatch } from '../xt-rule.ts';

/** mac_mt: the source of the frame that brought the packet; nothing that was made here, or came over loopback, has one. */
export function macMatch({ source, invert }: MacMatch): XtMatcher {
  return ({ skb, state }) => {
    if (skb.eth === null || (state.in ?? skb.dev).kind === 'loopback') return false;
    return (skb.eth.src === source) !== invert;
  };
}

/** physdev_mt: the bridge ports that a bridged packet came in and leaves by. A packet that is not bridged fits only what is negated. */
export function physdevMatch(match: PhysdevMatch): XtMatcher {
  const { isIn, isOut, isBridged } = match;
  return ({ skb }) => {
    const bridge = skb.nfBridge;
    if (bridge === null) return unbridged(match);
    const { physin, physout } = bridge;
    if (isBridged !== null && (physout !== null) === isBridged.invert) return false;
    if (isIn !== null && (physin !== null) === isIn.invert) return false;
    if (isOut !== null && (physout !== null) === isOut.invert) return false;
    if (match.in !== null && deviceFits(match.in, physin?.name ?? 'nulldevname') === match.in.invert) return false;
    return match.out === null || deviceFits(match.out, physout?.name ?? 'nulldevname') !== match.out.invert;
  };
}

function unbridged({ in: from, out: to, isIn, isOut, isBridged }: PhysdevMatch): boolean {
  return [from, to, isIn, isOut, isBridged].every((part) => part === null || part.invert);
}
