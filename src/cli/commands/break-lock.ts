import { listLocks, type ListedLock, type ListedParty } from '../../locks/list.ts';
import { noLease } from '../../locks/record.ts';
import { breakLockName } from '../../model/builtin.ts';
import { OpsError } from '../../model/errors.ts';
import { connect, isNotFound, type Temporal } from '../client.ts';
import { openEtcd } from '../etcd.ts';
import { follow } from '../follow/follow.ts';
import { contextOf, type Globals } from '../globals.ts';
import { locksTable } from '../locks-view.ts';
import { assertServed } from '../served.ts';
import { startRun } from '../start.ts';
import { isInteractive, question, say } from '../terminal.ts';

const root = '/spicerack/locks/';

/** `cookbook locks break KEY --reason TEXT [--run RUN] [--force]`: takes a lock away from its holder, as a run, which tells the SAL. */
export async function breakLock(
  globals: Globals,
  key: string,
  { reason = globals.reason, run, force = false }: { reason?: string | undefined; run?: string; force?: boolean },
): Promise<number> {
  const context = contextOf({ ...globals, ...(reason !== undefined && { reason }) });
  if (reason === undefined) throw refused("say why: cookbook locks break KEY --reason 'TEXT'");
  const etcd = await openEtcd(globals);
  const { locks } = await listLocks(etcd);
  const { lock, holder } = find(locks, key, run);
  // A lock that stands between it and another lock would help nobody.
  const rules = { ...context, noLocks: true, onFailure: 'rollback' } as const;
  const temporal = await connect(globals, rules);
  await assertServed(temporal);
  for (const line of locksTable([{ ...lock, holders: [holder] }])) say(line);
  say(await whatIsOf(temporal, holder));
  if (!context.dryRun && !force && !(await confirm())) {
    say('not broken');
    return 1;
  }
  const [, kind = '', name = ''] = /^([^/]+)\/(.+)$/.exec(lock.key.slice(root.length)) ?? [];
  const { owner, lease, revision } = holder;
  const told = lease === noLease && holder.run !== '' ? { run: holder.run } : {};
  const args = { key: holder.key, lease, revision, owner, reason, kind, name, ...told };
  const started = await startRun(temporal, breakLockName, { argv: [holder.key], args, context: rules });
  return follow(temporal, { ...started, cookbook: breakLockName, verbose: context.verbose, dryRun: context.dryRun });
}

function find(locks: readonly ListedLock[], given: string, run: string | undefined) {
  const key = given.startsWith('/') ? given : `${root}${given}`;
  const lock = locks.find((one) => one.key === key || one.holders.some((holder) => holder.key === key));
  if (!lock) throw refused(`nobody holds ${key}: see 'cookbook locks'`);
  const meant = lock.holders.filter((one) => (lock.key === key || one.key === key) && (run ?? one.run) === one.run);
  const [holder, other] = meant;
  if (holder && !other) return { lock, holder };
  const all = lock.holders.map(({ run: holding, owner }) => holding || owner).join(', ');
  throw refused(
    holder
      ? `${key} has ${lock.holders.length} holders: say with --run which of ${all}`
      : `${run ?? 'nobody'} does not hold ${key}: its holders are ${all || 'nobody'}`,
  );
}

const refused = (message: string) => new OpsError('usage', 'BREAK_REFUSED', message);

async function whatIsOf({ client }: Temporal, { run, lease }: ListedParty): Promise<string> {
  if (run === '') return 'no run is named in it: somebody wrote it by hand';
  try {
    const { status } = await client.workflow.getHandle(run).describe();
    return status.name === 'RUNNING'
      ? `${run} is running: ${
          lease === noLease
            ? 'it is told, and goes on'
            : 'it stops what it does under the lock, and asks how it is to end'
        }`
      : `${run} has ended (${status.name})`;
  } catch (error) {
    if (isNotFound(error)) return `no run ${run} is known here`;
    throw error;
  }
}

async function confirm(): Promise<boolean> {
  if (!isInteractive())
    throw refused('there is no terminal to confirm it at: add --force, or -d to see what would be done');
  for (;;) {
    const given = await question('Break this lock? Type "go" to proceed or "abort" to leave it');
    if (typeof given !== 'object' || given.answer === 'abort') return false;
    if (given.answer === 'go') return true;
  }
}
