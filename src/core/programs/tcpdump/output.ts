/** stdio's buffer of a file or a pipe. */
const BUFFER = 4096;

/** What a program has printed and stdio still holds: written out by whole buffers, or by line, or packet by packet. */
export interface BufferedOutput {
  write(text: string): void;
  flush(): void;
}

export function bufferedOutput(put: (text: string) => void, unbuffered: boolean): BufferedOutput {
  let held = '';
  return {
    write: (text) => {
      held += text;
      const ready = unbuffered ? held.length : held.length - (held.length % BUFFER);
      if (ready === 0) return;
      put(held.slice(0, ready));
      held = held.slice(ready);
    },
    flush: () => {
      if (held !== '') put(held);
      held = '';
    },
  };
}
