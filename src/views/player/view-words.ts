import type { View } from '../../store/url.ts';

/** What each view of a lab with tunnels shows. */
export const VIEW_WORDS: Readonly<Record<View, { readonly name: string; readonly help: string }>> = {
  overlay: { name: 'Overlay', help: 'The network that the tunnels make: what is inside the packets' },
  underlay: { name: 'Underlay', help: 'The network below: who carries whom' },
  both: { name: 'Both', help: 'The tunnels, and the cables that carry them' },
};
