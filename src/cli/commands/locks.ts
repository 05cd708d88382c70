import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd } from '../../locks/etcd.ts';
import { listLocks, type ListedLock } from '../../locks/list.ts';
import { isOpsError } from '../../model/errors.ts';
import { openEtcd } from '../etcd.ts';
import type { Globals } from '../globals.ts';
import { locksJson, locksTable, partiesIn } from '../locks-view.ts';
import { say } from '../terminal.ts';

const clearScreen = '\u001b[H\u001b[J';
/** Times go on at a terminal although nothing else changes. */
const redrawMs = 2000;

/** `cookbook locks [--json] [--watch]`: who holds what, asked by this process. */
export async function locks(
  globals: Globals,
  { json = false, watch = false }: { json?: boolean; watch?: boolean },
): Promise<number> {
  const etcd = await openEtcd(globals);
  const render = (listed: readonly ListedLock[]) =>
    json ? JSON.stringify(locksJson(listed)) : locksTable(listed).join('\n');
  if (watch) return follow(etcd, render, !json && process.stdout.isTTY);
  const { locks: listed } = await listLocks(etcd);
  if (listed.length === 0 && !json) say('no lock is held');
  else process.stdout.write(`${render(listed)}\n`);
  return 0;
}

async function follow(
  etcd: Etcd,
  render: (listed: readonly ListedLock[]) => string,
  onScreen: boolean,
): Promise<number> {
  const { signal } = new AbortController();
  let [shown, trouble] = ['', ''];
  for (;;) {
    try {
      const { locks: listed, revision } = await listLocks(etcd);
      trouble = '';
      const whoAndWhat = JSON.stringify(partiesIn(listed).map(({ key, revision: since }) => [key, since]));
      if (onScreen) process.stdout.write(`${clearScreen}${render(listed)}\n`);
      else if (whoAndWhat !== shown) process.stdout.write(`${render(listed)}\n`);
      shown = whoAndWhat;
      await etcd.changed('/spicerack/', revision, redrawMs, signal);
    } catch (error) {
      if (!isOpsError(error) || error.kind !== 'transient') throw error;
      if (error.message !== trouble) say(error.message);
      trouble = error.message;
      await sleep(1000);
    }
  }
}
