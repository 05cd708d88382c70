import type { Args, Spicerack } from '../../../../src/sumac.ts';
import { call } from '../../../../workflows/engine/call.ts';

export const title = 'Steps that do nothing, one after another';

const noop = call as unknown as (name: string, input: object) => Promise<void>;

export async function run(args: Args, spicerack: Spicerack) {
  for (let i = 1; i <= Number(args.steps); i++)
    await spicerack.step(`step ${i}`, { read: () => noop('bench.noop', {}) });
}
