import { useRef, type FocusEvent, type KeyboardEvent } from 'react';

/** WAI-ARIA toolbar: one tab stop, left and right move between its buttons, Home and End to the first and the last. */
export function useToolbar() {
  const last = useRef<HTMLElement | null>(null);
  const buttonsOf = (root: HTMLElement): HTMLElement[] => [...root.querySelectorAll<HTMLElement>('button')];
  const rove = (root: HTMLElement, current: HTMLElement): void => {
    for (const button of buttonsOf(root)) button.tabIndex = button === current ? 0 : -1;
    last.current = current;
  };
  return {
    ref: (root: HTMLElement | null) => {
      if (!root) return;
      const buttons = buttonsOf(root);
      const current = last.current && buttons.includes(last.current) ? last.current : (root.querySelector<HTMLElement>('.next') ?? root.querySelector<HTMLElement>('button[aria-pressed=true]') ?? buttons[0]);
      if (current) rove(root, current);
    },
    onFocus: (event: FocusEvent<HTMLElement>) => {
      if (event.target instanceof HTMLElement && event.target.tagName === 'BUTTON') rove(event.currentTarget, event.target);
    },
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      const buttons = buttonsOf(event.currentTarget);
      const index = buttons.indexOf(event.target as HTMLElement);
      if (index < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: buttons.length - 1 }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      buttons[(target + buttons.length) % buttons.length]!.focus();
    },
  };
}
