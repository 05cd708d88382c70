import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { holds, set } from '../../../../../support/world/call.ts';

export const title = 'Fails under a lock, in ways that make the undo hard';
export const lockArgs = (args: Args): LockArgs => ({ suffix: String(args.suffix), concurrency: 1, ttl: '10s' });

export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  const me = String(args.suffix);
  const name = `lock-${me}`;
  const check = (file: string) => ({ check: () => holds(file), within: '2m', every: '100ms' }) as const;
  const slowUndo = async () => {
    await holds(`${me}-undo`);
    await set(`undo second ${me}`);
  };
  try {
    await spicerack.lock(name, { ttl: '10s' }, async () => {
      await spicerack.step('first', { write: () => set(`first ${me}`), undo: () => set(`undo first ${me}`) });
      await spicerack.step('second', { write: () => set(`second ${me}`), undo: slowUndo });
      const other = async () => {
        await spicerack.step('the other part', check(`${me}-other`));
        await spicerack.step('late', { write: () => set(`late ${me}`), undo: () => Promise.resolve() });
      };
      const failing = async () => {
        await spicerack.step('the failing part', check(`${me}-go`));
        throw new Error('told to');
      };
      const child = () => spicerack.runCookbook('locks.guarded', [`${name}-child`], { raises: true });
      if (args.parts === 'alone') void spicerack.step('on its own', check(`${me}-never`));
      else if (args.parts !== undefined) await Promise.all([args.parts === 'child' ? child() : other(), failing()]);
      await failing();
    });
  } catch (error) {
    if (args.child !== true) throw error;
    // It takes the same lock, which is kept for the undo.
    await spicerack.runCookbook('locks.guarded', [name], { raises: true });
  }
}

export async function rollback(args: Args, spicerack: Spicerack): Promise<void> {
  const write = () => set(`rollback ${String(args.suffix)}`);
  await spicerack.step('rollback', { write, undo: () => Promise.resolve() });
}
