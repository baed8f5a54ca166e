/** What connection tracking keeps in a namespace (struct netns_ct). */
export interface ConntrackState {
  /** True once a rule or NAT asked for tracking here (nf_ct_netns_get). */
  active: boolean;
}

export function createConntrackState(): ConntrackState {
  return { active: false };
}
