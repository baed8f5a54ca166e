/** What a key asks the player for. */
export type Command =
  | 'toggle' | 'step' | 'back' | 'micro-step' | 'micro-back' | 'next-beat' | 'previous-beat' | 'start' | 'end' | 'seek-tenth'
  | 'faster' | 'slower' | 'next-packet' | 'previous-packet' | 'go-to' | 'search' | 'fullscreen' | 'transcript' | 'help' | 'reset' | 'fit' | 'view' | 'zoom-in' | 'zoom-out' | 'selection-back' | 'selection-forward' | 'blank' | 'story';

export interface KeyBinding {
  readonly command: Command;
  /** As in KeyboardEvent.key; several keys for one command. `0-9` stands for any digit. */
  readonly keys: readonly string[];
  readonly alt?: boolean;
  readonly shift?: boolean;
  readonly ctrl?: boolean;
  readonly what: string;
  readonly group: 'Playing' | 'Stepping' | 'Looking';
}

/**
 * The keyboard map, once: it makes the handler, the help dialog, aria-keyshortcuts, the documentation and the test. Keys act while
 * the focus is inside the player (WCAG 2.1.4), and a focused control keeps the keys that it needs itself.
 */
export const KEYS: readonly KeyBinding[] = [
  { command: 'toggle', keys: [' ', 'k'], what: 'Play or pause', group: 'Playing' },
  { command: 'slower', keys: ['<'], what: 'Slower', group: 'Playing' },
  { command: 'faster', keys: ['>'], what: 'Faster', group: 'Playing' },
  { command: 'reset', keys: ['r'], alt: true, what: 'Start over, questions included', group: 'Playing' },
  { command: 'step', keys: ['ArrowRight'], what: 'Next step', group: 'Stepping' },
  { command: 'back', keys: ['ArrowLeft'], what: 'Previous step', group: 'Stepping' },
  { command: 'micro-step', keys: ['.'], what: 'Next step of the finest kind', group: 'Stepping' },
  { command: 'micro-back', keys: [','], what: 'Previous step of the finest kind', group: 'Stepping' },
  { command: 'next-beat', keys: [']', 'PageDown'], what: 'Next moment of the story', group: 'Stepping' },
  { command: 'next-beat', keys: ['ArrowRight'], shift: true, what: 'Next moment of the story', group: 'Stepping' },
  { command: 'previous-beat', keys: ['[', 'PageUp'], what: 'Previous moment of the story', group: 'Stepping' },
  { command: 'previous-beat', keys: ['ArrowLeft'], shift: true, what: 'Previous moment of the story', group: 'Stepping' },
  { command: 'start', keys: ['Home'], what: 'To the start', group: 'Stepping' },
  { command: 'end', keys: ['End'], what: 'To the end', group: 'Stepping' },
  { command: 'seek-tenth', keys: ['0-9'], what: 'To 0 % … 90 % of the way', group: 'Stepping' },
  { command: 'next-packet', keys: ['ArrowDown'], ctrl: true, what: 'Next packet', group: 'Stepping' },
  { command: 'next-packet', keys: ['F8'], what: 'Next packet', group: 'Stepping' },
  { command: 'previous-packet', keys: ['ArrowUp'], ctrl: true, what: 'Previous packet', group: 'Stepping' },
  { command: 'previous-packet', keys: ['F7'], what: 'Previous packet', group: 'Stepping' },
  { command: 'selection-back', keys: ['ArrowLeft'], alt: true, what: 'What was picked out before', group: 'Looking' },
  { command: 'selection-forward', keys: ['ArrowRight'], alt: true, what: 'What was picked out after that', group: 'Looking' },
  { command: 'go-to', keys: ['g'], what: 'Go to a step by its number', group: 'Looking' },
  { command: 'search', keys: ['/'], what: 'Search the journey', group: 'Looking' },
  { command: 'transcript', keys: ['t'], what: 'The journey as text', group: 'Looking' },
  { command: 'fit', keys: ['o', 'z'], what: 'Overview: fit the map', group: 'Looking' },
  { command: 'view', keys: ['v'], what: 'Where there are tunnels: overlay, underlay, or both', group: 'Looking' },
  { command: 'story', keys: ['n'], what: 'Show or hide the story', group: 'Looking' },
  { command: 'blank', keys: ['b'], what: 'Blank the screen, and back', group: 'Looking' },
  { command: 'zoom-in', keys: ['+', '='], what: 'Zoom into the map', group: 'Looking' },
  { command: 'zoom-out', keys: ['-'], what: 'Zoom out of the map', group: 'Looking' },
  { command: 'fullscreen', keys: ['f'], what: 'Full screen', group: 'Looking' },
  { command: 'help', keys: ['?'], what: 'This list of keys', group: 'Looking' },
];

export interface KeyPress {
  readonly key: string;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}

/** The command of a key press, and the digit for `seek-tenth`; null for a key that means nothing here. */
export function commandOf(press: KeyPress): { command: Command; digit: number } | null {
  if (press.metaKey) return null;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  for (const binding of KEYS) {
    if (Boolean(binding.alt) !== press.altKey || Boolean(binding.ctrl) !== press.ctrlKey) continue;
    if (binding.keys.includes('0-9') && /^[0-9]$/.test(key)) return { command: binding.command, digit: Number(key) };
    if (!binding.keys.includes(key)) continue;
    const named = key.length > 1;
    if (named && Boolean(binding.shift) !== press.shiftKey) continue;
    return { command: binding.command, digit: 0 };
  }
  return null;
}

const SHOWN: Readonly<Record<string, string>> = { ' ': 'Space', ArrowRight: '→', ArrowLeft: '←', ArrowUp: '↑', ArrowDown: '↓', PageDown: 'Page Down', PageUp: 'Page Up' };

/** How the help dialog writes a binding's keys: `Ctrl + ↓`. */
export function keyLabels(binding: KeyBinding): string[] {
  const held = [...(binding.ctrl ? ['Ctrl'] : []), ...(binding.alt ? ['Alt'] : []), ...(binding.shift ? ['Shift'] : [])];
  return binding.keys.map((key) => [...held, SHOWN[key] ?? (key.length === 1 ? key.toUpperCase() : key)].join(' + '));
}

/** The value of aria-keyshortcuts for a command. */
export function ariaKeyshortcuts(command: Command): string {
  return KEYS.filter((binding) => binding.command === command && !binding.keys.includes('0-9'))
    .flatMap((binding) => {
      const held = [...(binding.ctrl ? ['Control'] : []), ...(binding.alt ? ['Alt'] : []), ...(binding.shift ? ['Shift'] : [])];
      return binding.keys.map((key) => [...held, key === ' ' ? 'Space' : key].join('+'));
    })
    .join(' ');
}
