export interface Tool {
  readonly command: string;
  readonly package: string;
  readonly part: string;
}
export const TOOLS: readonly Tool[];
export function findChromium(): string | null;
export function missingTools(): Tool[];
export function ensureTools(): Tool[];
export function canUseNamespaces(): boolean;
