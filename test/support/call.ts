import type { Call } from '../../activities/define.ts';
import type { Deps } from '../../src/worker/deps.ts';

/** What an activity is handed, for tests that call one without a Temporal server. */
export function callOf(deps: Partial<Deps>, overrides: Partial<Call> = {}): Call {
  return {
    deps: deps as Deps,
    context: { user: 'alice', host: 'laptop', dryRun: false, noLocks: false, verbose: false, onFailure: 'rollback' },
    fences: [],
    run: 'sre.hosts.reimage/machine1/1',
    cookbook: 'sre.hosts.reimage',
    token: 'sre.hosts.reimage/machine1/1 first step',
    attempt: 1,
    elapsedMs: () => performance.now(),
    signal: new AbortController().signal,
    resumed: undefined,
    heartbeat: () => undefined,
    ...overrides,
  };
}
