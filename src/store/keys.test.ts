import { describe, expect, it } from 'vitest';
import { ariaKeyshortcuts, commandOf, KEYS, keyLabels } from './keys.ts';

const press = (key: string, held: Partial<Record<'altKey' | 'shiftKey' | 'ctrlKey' | 'metaKey', boolean>> = {}) => commandOf({ key, altKey: false, shiftKey: false, ctrlKey: false, metaKey: false, ...held });

describe('the key table', () => {
  it('serves every key it lists', () => {
    for (const binding of KEYS) {
      for (const key of binding.keys) {
        const pressed = press(key === '0-9' ? '7' : key, { altKey: Boolean(binding.alt), shiftKey: Boolean(binding.shift), ctrlKey: Boolean(binding.ctrl) });
        expect(pressed?.command, `${keyLabels(binding).join()}`).toBe(binding.command);
      }
    }
  });

  it.each([
    ['ArrowRight', {}, 'step'], ['ArrowRight', { shiftKey: true }, 'next-beat'], ['K', {}, 'toggle'], ['?', { shiftKey: true }, 'help'], ['>', { shiftKey: true }, 'faster'],
    ['ArrowDown', { ctrlKey: true }, 'next-packet'], ['r', { altKey: true }, 'reset'],
  ] as const)('%s %o is %s', (key, held, command) => expect(press(key, held)?.command).toBe(command));

  it.each([['r', {}], ['ArrowRight', { metaKey: true }], ['ArrowDown', {}], ['k', { ctrlKey: true }], ['Enter', {}]] as const)('%s %o means nothing', (key, held) => expect(press(key, held)).toBeNull());

  it('knows the digit of a tenth', () => expect(press('4')).toEqual({ command: 'seek-tenth', digit: 4 }));

  it('writes aria-keyshortcuts', () => expect(ariaKeyshortcuts('next-beat')).toBe('] PageDown Shift+ArrowRight'));
});
