import type { XtMatcher } from '../xt-param.ts';
import type { OwnerMatch } from '../xt-rule.ts';
import { within } from './range.ts';

/** Every process here is root's. */
const ROOT = 0;

/** owner_mt: who has the socket that sent the packet. What the kernel sends of its own accord fits only what is negated. */
export function ownerMatch({ uid, gid, socketExists }: OwnerMatch): XtMatcher {
  return ({ skb }) => {
    if (skb.sk === null) return [uid, gid, socketExists].every((part) => part === null || part.invert);
    if (socketExists?.invert) return false;
    if (skb.sk.kernel) return [uid, gid].every((part) => part === null || part.invert);
    if (uid !== null && within(ROOT, uid.range) === uid.invert) return false;
    return gid === null || within(ROOT, gid.range) !== gid.invert;
  };
}
