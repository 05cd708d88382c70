import { after } from '../timer.ts';

/** What `work` comes to, or nothing when that takes longer than `ms`. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let cancel: () => void = () => undefined;
  const late = new Promise<undefined>((resolve) => (cancel = after(ms, () => resolve(undefined))));
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
