import { announcements } from './announce.ts';
import type { ActivityDefinition } from './define.ts';
import { alerts } from './alerts.ts';
import { cookbook } from './cookbook.ts';
import { ipmi } from './ipmi.ts';
import { locks } from './locks.ts';

/** Every activity of Sumac by name. Adding an outside system is one file and one line here. */
export const activities = {
  ...alerts,
  ...cookbook,
  ...ipmi,
  ...announcements,
  ...locks,
} satisfies Record<string, ActivityDefinition<never, unknown>>;

export type Activities = typeof activities;
export type ActivityName = keyof Activities;
export type InputOf<N extends ActivityName> = Parameters<Activities[N]['run']>[0];
export type OutputOf<N extends ActivityName> = Awaited<ReturnType<Activities[N]['run']>>;
