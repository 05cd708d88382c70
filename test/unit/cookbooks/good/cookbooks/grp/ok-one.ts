import type { Args, Command } from 'sumac';

export const title = 'Does one thing\nand says so in two lines';
export const argumentParser = (parser: Command) =>
  parser
    .argument('<query>', 'hosts')
    .argument('[unit-name]', 'unit', 'ssh.service')
    .option('--batch-size <n>', 'hosts at a time', Number, 1);
export async function run(_args: Args) {
  return 0;
}
