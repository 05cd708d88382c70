/** many-hosts.ts LAB_DIRECTORY HOSTS: `true` on each host, 64 at a time; after each thousand prints the milliseconds since the start, MiB held and MiB of the process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../../src/config/schema.ts';
import { Limit } from '../../../src/remote/limit.ts';
import { Remote } from '../../../src/remote/remote.ts';

const [lab = '', count] = process.argv.slice(2);
const remote = new Remote(JSON.parse(readFileSync(join(lab, 'config.json'), 'utf8')) as Config);
const limit = new Limit(64);
let done = 0;
await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    const leave = await limit.take();
    const { exitCode } = await remote.run(`sim${i + 1}.lab`, 'true');
    if (exitCode !== 0) throw new Error(`sim${i + 1}.lab: ${exitCode}`);
    leave();
    if (++done % 1000 !== 0) return;
    const { rss } = process.memoryUsage();
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    console.log(performance.now(), (heapUsed + external) / 2 ** 20, rss / 2 ** 20);
  }),
);
await remote.close();
process.exit();
