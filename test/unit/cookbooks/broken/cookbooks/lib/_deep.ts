// é
import type { Stats } from 'node:fs';

import { readFileSync } from 'node:fs';
export const text = (stats: Stats) => readFileSync(String(stats.size));
