import type { RouteType, Scope } from '../types.ts';

/** Numbers of the scopes (enum rt_scope_t): the larger, the nearer. */
export const SCOPE = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const satisfies Record<Scope, number>;

/** The nearest scope that a route of each type may have at most (struct fib_prop). */
export const TYPE_SCOPE: Readonly<Record<RouteType, number>> = {
  unicast: SCOPE.global, local: SCOPE.host, broadcast: SCOPE.link, multicast: SCOPE.global,
  blackhole: SCOPE.global, unreachable: SCOPE.global, prohibit: SCOPE.global, throw: SCOPE.global,
};

/** Types that stop a lookup with an error instead of a next hop. */
export function isErrorType(type: RouteType): boolean {
  return type === 'blackhole' || type === 'unreachable' || type === 'prohibit' || type === 'throw';
}

export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

/** The name of a numbered scope; null for one that has no name here. */
export function scopeName(scope: number): Scope | null {
  for (const [name, value] of Object.entries(SCOPE)) if (value === scope) return name as Scope;
  return null;
}
