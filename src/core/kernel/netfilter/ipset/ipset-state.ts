/** The sets of a namespace, by name. */
export type IpSets = Map<string, object>;

export function createIpSets(): IpSets {
  return new Map();
}
