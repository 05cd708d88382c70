import { parseArguments } from '../src/cookbooks/arguments.ts';
import { discover } from '../src/cookbooks/discover.ts';
import { resolveCookbook } from '../src/cookbooks/resolve.ts';
import type { Args } from '../src/model/cookbook.ts';
import { OpsError } from '../src/model/errors.ts';
import { read } from './define.ts';

/** What a run asks about its own cookbook. */
export const cookbook = {
  /**
   * The arguments of a run that nobody typed into the CLI, read with the cookbook's own parser.
   * Throws ARGUMENTS_INVALID, COOKBOOK_UNKNOWN, COOKBOOK_BROKEN.
   */
  'cookbook.arguments': read(async (input: { cookbook: string; argv: readonly string[] }, call): Promise<Args> => {
    const found = await resolveCookbook(discover(call.deps.config), input.cookbook);
    if ('group' in found)
      throw new OpsError('usage', 'COOKBOOK_UNKNOWN', `${input.cookbook} is a group of cookbooks and cannot be run`);
    const parsed = parseArguments(found.cookbook, input.argv);
    if ('help' in parsed)
      throw new OpsError(
        'usage',
        'ARGUMENTS_INVALID',
        `${input.cookbook}: help was asked for where a run was to be started`,
      );
    return parsed.args;
  }),
};
