import type { Shell, Step } from './shell.ts';

/** The `time` keyword: how long a pipeline took on the lab's clock. Programs cost no processor time here. */
export function* timed(shell: Shell, run: () => Step): Step {
  const from = shell.task.now;
  try {
    return yield* run();
  } finally {
    const seconds = (shell.task.now - from) / 1e9;
    const format = shell.value('TIMEFORMAT');
    shell.err(format === undefined ? `\nreal\t${clock(seconds)}\nuser\t${clock(0)}\nsys\t${clock(0)}\n` : `${formatted(shell, format, seconds)}\n`);
  }
}

function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}m${(Math.floor((seconds - minutes * 60) * 1000) / 1000).toFixed(3)}s`;
}

function formatted(shell: Shell, format: string, seconds: number): string {
  return format.replace(/%(?:(%)|(\d)?(l)?([RUSP]))/g, (_, percent: string, digits: string | undefined, long: string, what: string) => {
    if (percent) return '%';
    if (what === 'P') return shell.notSimulated('%P in TIMEFORMAT');
    const value = what === 'R' ? seconds : 0;
    return long ? clock(value) : value.toFixed(Math.min(3, Number(digits ?? 3)));
  });
}
