import { runHook } from '../src/hooks/hook.ts';
import { OpsError } from '../src/model/errors.ts';
import { type Call, converge, create } from './define.ts';

const hookOf = (program: string) => ({ key: 'hooks.downtime', program, code: 'DOWNTIME_FAILED' });

/** Runs the downtime hook and returns the first line of what it prints. Throws DOWNTIME_FAILED. */
const hook = async (program: string, args: readonly string[], call: Call): Promise<string> =>
  (await runHook(hookOf(program), args, call.signal)).split('\n')[0] ?? '';

interface Downtime {
  host: string;
  minutes: number;
  /** The run's own name for it, by which it is found again. */
  token: string;
  reason: string;
}

/** Downtimes of hosts in whatever monitors them, through the program `hooks.downtime`. */
export const alerts = {
  /**
   * Silences a host's alerts for some minutes, or adopts the downtime that this token already has.
   * Returns its id, or nothing when no `hooks.downtime` is configured. Throws DOWNTIME_FAILED.
   */
  'alerts.downtime': create(async ({ host, minutes, token, reason }: Downtime, call): Promise<{ id?: string }> => {
    const program = call.deps.config.hooks.downtime;
    if (program === undefined) return {};
    const found = await hook(program, ['find', token], call);
    if (found !== '') return { id: found };
    const id = await hook(program, ['add', host, String(Math.ceil(minutes)), token, reason], call);
    if (id === '') throw new OpsError('transient', 'DOWNTIME_FAILED', `hooks.downtime ${program} add: printed no id`);
    return { id };
  }),

  /**
   * Ends the downtime of this token.
   * Returns the id that was removed, or nothing when there was none. Throws DOWNTIME_FAILED.
   */
  'alerts.removeDowntime': converge(async ({ token }: { token: string }, call): Promise<{ id?: string }> => {
    const program = call.deps.config.hooks.downtime;
    if (program === undefined) return {};
    const id = await hook(program, ['find', token], call);
    if (id === '') return {};
    await hook(program, ['remove', id], call);
    return { id };
  }),
};
