import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError } from '../src/model/errors.ts';
import { lookAt, type RunningSystem } from '../src/system/look.ts';
import { type Call, condition, read } from './define.ts';

interface OfHost {
  /** Name of the host, as for ssh. */
  host: string;
}
interface Since extends OfHost {
  /** Of the system before; without it any system will do. */
  bootId?: string | undefined;
}

const notYet = (host: string, why: string) => new OpsError('not-yet', 'NOT_YET', why, { host });

/** The system that answers, unless it is still the one before. */
async function newSystem({ host, bootId }: Since, call: Call): Promise<RunningSystem> {
  const sight = await lookAt(call.deps.remote, host, 'normal', call.signal);
  if ('absent' in sight) throw notYet(host, sight.absent);
  if (sight.system.bootId === bootId) throw notYet(host, `${host} has not been rebooted: boot id is still ${bootId}`);
  if (sight.system.installer) throw notYet(host, `${host} runs ${sight.system.os}`);
  return sight.system;
}

/** A shutdown takes a while: a host counts as not rebooted only when it says so twice with this between. */
const settleMs = 10_000;

/** Operating systems of hosts, and what came of their reboots. */
export const system = {
  /** The system a host runs. Throws UNREACHABLE. */
  'system.running': read(async ({ host }: OfHost, call): Promise<RunningSystem> => {
    const sight = await lookAt(call.deps.remote, host, 'normal', call.signal);
    if ('absent' in sight) throw new OpsError('transient', 'UNREACHABLE', sight.absent, { host });
    return sight.system;
  }),

  /** Whether a host was rebooted; holds as soon as that can be told. */
  'system.rebooted': condition(async ({ host, bootId }: OfHost & { bootId: string }, call): Promise<boolean> => {
    for (let looks = 1; ; looks++) {
      const sight = await lookAt(call.deps.remote, host, 'normal', call.signal);
      if ('absent' in sight) throw notYet(host, sight.absent);
      if (sight.system.bootId !== bootId) return true;
      const state = await call.deps.remote.run(host, 'systemctl is-system-running', { signal: call.signal });
      if (state.capture.output(100).text.includes('stopping')) throw notYet(host, `${host} shuts down`);
      if (looks === 2) return false;
      await sleep(settleMs, undefined, { signal: call.signal });
    }
  }),

  /** Holds when a host runs a system, no installer, with another boot id. */
  'system.backFrom': condition(newSystem),

  /** Holds when a host is back with another boot id and systemd has started everything. */
  'system.healthyAfter': condition(async (input: Since, call): Promise<RunningSystem> => {
    const running = await newSystem(input, call);
    const command = 'systemctl is-system-running || systemctl list-units --failed --plain --no-legend | cut -d" " -f1';
    const { capture } = await call.deps.remote.run(input.host, command, { signal: call.signal });
    const [state = '', ...failed] = capture.output(2000).text.trim().split('\n');
    if (state !== 'running')
      throw notYet(
        input.host,
        `${input.host} is '${state}'${failed.length > 0 ? `: failed units ${failed.join(', ')}` : ''}`,
      );
    return running;
  }),

  /** Passes when a host runs this operating system. Throws OS_WRONG, UNREACHABLE. */
  'system.checkOs': read(async ({ host, os }: OfHost & { os: string }, call): Promise<void> => {
    const running = await system['system.running'].run({ host }, call);
    if (running.os !== os)
      throw new OpsError('failed', 'OS_WRONG', `${host} runs '${running.os}' and not '${os}'`, { host });
  }),
};
