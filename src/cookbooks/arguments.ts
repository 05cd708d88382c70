import type { Command as TypedCommand } from '@commander-js/extra-typings';
import { Command, CommanderError } from 'commander';
import type { Args, Cookbook } from '../model/cookbook.ts';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';

/** What a cookbook's parser made of a command line: the arguments, or the help that was asked for. */
export type Parsed = { args: Args } | { help: string };

/**
 * Reads a command line with the cookbook's own parser. Arguments are options by camel-case name and operands by camel-case name.
 * @throws ARGUMENTS_INVALID, PARSER_FAILED (the cookbook's parser cannot be built), ARGUMENTS_FAILED (it broke while reading)
 */
export function parseArguments(cookbook: Cookbook, argv: readonly string[]): Parsed {
  let help = '';
  const parser = new Command();
  parser.exitOverride().configureOutput({ writeOut: (text) => (help += text), writeErr: () => undefined });
  if (cookbook.title !== '-') parser.description(cookbook.title);
  try {
    cookbook.argumentParser(parser as unknown as TypedCommand);
  } catch (error) {
    throw new OpsError('usage', 'PARSER_FAILED', `argument parser of ${cookbook.name}: ${messageOf(error)}`);
  }
  parser.name(`cookbook [GLOBAL_ARGS] ${cookbook.name}`).helpCommand(false);
  parser.addHelpText('after', `\nCookbook owner team: ${cookbook.ownerTeam}`);
  try {
    parser.parse(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return { help };
    throw usageError(cookbook, parser, error);
  }
  const operands = parser.registeredArguments.map((argument, i): [string, unknown] => [
    camelCase(argument.name()),
    parser.processedArgs[i],
  ]);
  return {
    args: Object.fromEntries(
      [...operands, ...Object.entries(parser.opts())].filter(([, value]) => value !== undefined),
    ),
  };
}

const camelCase = (name: string) => name.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase());

function usageError(cookbook: Cookbook, parser: Command, error: unknown): OpsError {
  const message = messageOf(error)
    .replace(/^error: /, '')
    .replaceAll('\n', ' ');
  if (!(error instanceof CommanderError) && !(isOpsError(error) && error.kind === 'usage'))
    return new OpsError('usage', 'ARGUMENTS_FAILED', `arguments of ${cookbook.name}: ${message}`, {}, error);
  const usage = `usage: ${parser.name()} ${parser.usage()}`;
  return new OpsError('usage', 'ARGUMENTS_INVALID', `${cookbook.name}: ${message}; ${usage}`, {}, error);
}
