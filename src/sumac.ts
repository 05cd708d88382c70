/** What a cookbook file may import from `sumac`. */
export { CookbookBase, CookbookRunnerBase } from './model/cookbook.ts';
export { duration, hostName, wholeNumber } from './model/argument-types.ts';
export type { Args, LockArgs } from './model/cookbook.ts';
export type { Spicerack } from '../workflows/spicerack/spicerack.ts';
export type { Command } from '@commander-js/extra-typings';
