import type { Fence } from '../../../src/model/fence.ts';
import { call } from '../../../workflows/engine/call.ts';

const activity = call as unknown as (name: string, input: object) => Promise<unknown>;

/** The test world as a cookbook sees it. */
export const look = (name: string) => activity('world.look', { name }) as Promise<number>;
export const holds = (name: string) => activity('world.holds', { name });
export const set = (name: string, result?: unknown) => activity('world.set', { name, result });
/** The locks under which a write here takes place. */
export const fences = () => activity('world.fences', {}) as Promise<Fence[]>;
export const fire = (name: string) => activity('world.fire', { name });
