import type { Args, Spicerack } from '../../../../../src/sumac.ts';
import { fire, holds, look, set } from '../../call.ts';

export const title = 'Three steps with an undo each, a one-shot, a check';
export const ownerTeam = 'tests';
export const runtimeDescription = (args: Args) => `on ${String(args.what)}`;

/** `args.noReturn` makes the one-shot a point of no return; `args.code` is returned. */
export async function run(args: Args, spicerack: Spicerack): Promise<number | void> {
  await spicerack.step('look', { read: () => look('first') });
  await spicerack.step('first', {
    write: () => set('first', 1),
    undo: (result) => set(`undo first ${JSON.stringify(result)}`),
  });
  await spicerack.step('kept', { write: () => set('kept'), undo: () => set('undo kept'), guaranteed: true });
  const probe = async () => (await look('second')) > 0;
  const write = () => fire(String(args.fire ?? 'second'));
  await spicerack.step(
    'second',
    args.noReturn ? { write, probe, undo: 'impossible' } : { write, probe, undo: () => set('undo second') },
  );
  await spicerack.step('holds', { check: () => holds('ready'), within: String(args.within ?? '10s'), every: '100ms' });
  await spicerack.step('third', { write: () => set('third'), undo: () => set('undo third') });
  if (args.settle) await spicerack.settle('kept');
  return args.code as number | undefined;
}

export const rollback = async (_: Args, spicerack: Spicerack) => {
  await spicerack.step('own rollback', { write: () => set('own rollback'), undo: 'impossible' });
};
