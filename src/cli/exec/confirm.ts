import { OpsError } from '../../model/errors.ts';
import { fold } from '../../model/host-set.ts';
import { isInteractive, question, say } from '../terminal.ts';
import type { Paint } from './style.ts';

const tries = 10;

/**
 * Tells the hosts and has the operator type their number (spicerack.md 4.3).
 * @returns whether to go on
 * @throws NOT_CONFIRMABLE without a terminal
 */
export async function confirm(hosts: readonly string[], force: boolean, { yellow, cyan }: Paint): Promise<boolean> {
  const count = String(hosts.length);
  say(yellow(cyan(fold(hosts))));
  if (force) {
    say(yellow('FORCE mode enabled, continuing without confirmation'));
    return true;
  }
  if (!isInteractive())
    throw new OpsError(
      'usage',
      'NOT_CONFIRMABLE',
      'Not in a TTY but neither DRY-RUN nor FORCE mode were specified: add --force, or -d to see the hosts only',
    );
  for (let asked = 0; asked < tries; asked++) {
    const given = await question(
      yellow(`OK to proceed on ${count} hosts? Enter the number of affected hosts to confirm or "q" to quit`),
    );
    if (typeof given !== 'object') return false;
    if (given.answer === count) return true;
    if (given.answer === 'q' || given.answer === 'Q') return false;
  }
  say(yellow(`Got invalid answer for ${tries} times`));
  return false;
}
