/** True when a device has the name of a rule; one that ends in `+` is the beginning of all that fit. */
export function deviceFits({ name }: { readonly name: string }, device: string): boolean {
  return name.endsWith('+') ? device.startsWith(name.slice(0, -1)) : device === name;
}
