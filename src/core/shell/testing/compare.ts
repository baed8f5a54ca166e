/** What a script did. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** Takes out what may differ between two runs: pids, and the folder that the script runs in. */
export function normalize(outcome: Outcome, folder: string): Outcome {
  const clean = (text: string): string => text
    .replaceAll(folder, '/tmp')
    .replace(/^(.*: line \d+: )\s*\d+ (Killed|Hangup|Terminated|Aborted|Quit|User defined signal \d|Alarm clock)/gm, '$1 PID $2')
    .replace(/\b\d{3,7}\b(?= Running| Done)/g, 'PID');
  return { stdout: clean(outcome.stdout), stderr: clean(outcome.stderr), exit: outcome.exit };
}
