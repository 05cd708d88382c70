import { announcements } from './announce.ts';
import type { ActivityDefinition } from './define.ts';
import { dhcp } from './dhcp.ts';
import { etcdctl } from './etcdctl.ts';
import { installer } from './installer.ts';
import { inventory } from './inventory.ts';
import { system } from './system.ts';
import { alerts } from './alerts.ts';
import { groups } from './groups.ts';
import { files } from './files.ts';
import { cookbook } from './cookbook.ts';
import { ipmi } from './ipmi.ts';
import { locks } from './locks.ts';
import { pool } from './pool.ts';
import { remote } from './remote.ts';

/** Every activity of Sumac by name. Adding an outside system is one file and one line here. */
export const activities = {
  ...dhcp,
  ...etcdctl,
  ...installer,
  ...inventory,
  ...system,
  ...alerts,
  ...files,
  ...groups,
  ...cookbook,
  ...ipmi,
  ...announcements,
  ...locks,
  ...pool,
  ...remote,
} satisfies Record<string, ActivityDefinition<never, unknown>>;

export type Activities = typeof activities;
export type ActivityName = keyof Activities;
export type InputOf<N extends ActivityName> = Parameters<Activities[N]['run']>[0];
export type OutputOf<N extends ActivityName> = Awaited<ReturnType<Activities[N]['run']>>;
