/** How a program ended. */
export interface Seen {
  code: number | null;
  stdout: string[];
  stderr: string[];
  /** What the commands wrote down, sorted. */
  trace: string[];
}

/**
 * Where `cookbook exec` differs from Cumin on purpose. What makes the two comparable is done to what both have shown; what both
 * show only to a person (colours, progress, the question for the number of hosts) is compared nowhere: see the README, also for
 * Cumin's options that there are not.
 */
export const differences = {
  words: {
    why: "Errors are said in one line of Sumac's own, without a usage text and without the name of a Python class.",
    adapt: (seen: Seen) => ({ ...seen, stderr: [] }),
  },
  'refused first': {
    why: 'A limit that cannot be is wrong usage (2), said before any host is looked for; Cumin meets it after the confirmation and ends with 99.',
    adapt: (seen: Seen) => ({ ...seen, stderr: [], code: seen.code === 99 ? 2 : seen.code }),
  },
  unreachable: {
    why: "What ssh says of a host it cannot reach is no output of the command: the reason stands on stderr, below Cumin's line.",
    adapt: (seen: Seen) => ({ ...seen, stdout: withoutGroupsOf(seen.stdout, /^ssh: /m) }),
  },
  'overwritten lines': {
    why: 'Of a line that overwrites itself by carriage returns only the last state is shown; Cumin adds the last but one at the end of the output.',
    adapt: (seen: Seen) => ({ ...seen, stdout: seen.stdout.map((group) => group.replaceAll(/\n[^\n]*\r$/gm, '')) }),
  },
  killed: {
    why: 'That a command was killed by a signal is said in its output by the shell that waits for it on the host.',
    adapt: (seen: Seen) => ({ ...seen, stdout: withoutGroupsOf(seen.stdout, /^Killed$/m) }),
  },
  'nobody left': {
    why: 'When no host is left for the next command, Cumin runs it on its own machine, and then ends with an exception (99) in the middle. Sumac stops there: 1, as the threshold of 0 is met.',
    adapt: (seen: Seen) => ({
      ...seen,
      code: seen.code === 99 ? 1 : seen.code,
      stderr: seen.stderr.filter((line) => !line.startsWith('Caught KeyError exception')),
    }),
  },
} as const;

export type Difference = keyof typeof differences;

function withoutGroupsOf(stdout: string[], output: RegExp): string[] {
  const groups = stdout.filter((group) => !output.test(group));
  const silent = groups.length === 1 && groups[0] === '================';
  return silent ? ['===== NO OUTPUT ====='] : groups;
}
