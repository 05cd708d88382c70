/** ours.ts LAB_DIRECTORY HOSTS TIMES COMMAND [once]: a command a number of times, each on all hosts before the next, by Sumac's transport. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../../src/config/schema.ts';
import { Remote } from '../../../src/remote/remote.ts';

const [lab = '', count, times, command = '', once] = process.argv.slice(2);
const remote = new Remote(JSON.parse(readFileSync(join(lab, 'config.json'), 'utf8')) as Config);
const hosts = (JSON.parse(readFileSync(join(lab, 'hosts.json'), 'utf8')) as { name: string }[]).slice(0, Number(count));
for (let i = 0; i < Number(times); i++) {
  const token = randomUUID();
  const results = await Promise.all(
    hosts.map(({ name }) =>
      once === undefined ? remote.run(name, command) : remote.runOnce(name, command, { token }),
    ),
  );
  if (results.some(({ exitCode }) => exitCode !== 0)) process.exitCode = 1;
}
await remote.close();
