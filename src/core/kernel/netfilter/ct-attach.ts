import type { SkBuff } from '../sk-buff.ts';

/**
 * What the kernel sends about a packet belongs to the packet's connection, which may not be in the table yet (nf_conntrack_attach):
 * RELATED, in the other direction.
 */
export function nfCtAttach(answer: SkBuff, about: SkBuff): void {
  if (about.ct === null || about.ctinfo === null) return;
  answer.ct = about.ct;
  if (!about.ct.confirmed) about.ct.refs++;
  answer.ctinfo = about.ctinfo === 'ESTABLISHED_REPLY' || about.ctinfo === 'RELATED_REPLY' ? 'RELATED' : 'RELATED_REPLY';
}
