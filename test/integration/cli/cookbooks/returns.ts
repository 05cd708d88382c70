import type { Args, Command } from 'sumac';

export const title = 'Returns what it is told';
export const argumentParser = (parser: Command) => parser.argument('<code>', 'exit code', Number);
export const run = async (args: Args) => args['code'] as number;
