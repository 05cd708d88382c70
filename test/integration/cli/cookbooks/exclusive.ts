import type { Args, Spicerack } from 'sumac';

export const title = 'One at a time';
export const lockArgs = () => ({ concurrency: 1 });
export async function run(_args: Args, spicerack: Spicerack) {
  await spicerack.askConfirmation('Go on alone?');
}
