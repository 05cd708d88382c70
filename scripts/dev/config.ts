import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { configFile, devDir, etcdAddress, root, taskQueue, temporalAddress, uiAddress } from './settings.ts';

const mark = '# Written by temporal-dev.sh; edit it and it is kept as it is. ';
const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

const body = `\
cookbooks_base_dirs: [${root}]
logs_base_dir: ${devDir}/logs
state_dir: ${devDir}/state
temporal:
  address: ${temporalAddress}
  ui: ${uiAddress}
  task_queue: ${taskQueue}
etcd:
  hosts: [${etcdAddress}]
`;

/** Writes the configuration of the environment, unless somebody edited it. */
export function writeConfig(): 'written' | 'kept, it was edited' {
  if (existsSync(configFile)) {
    const [first = '', ...rest] = readFileSync(configFile, 'utf8').split('\n');
    if (first !== mark + digest(rest.join('\n'))) return 'kept, it was edited';
  }
  writeFileSync(configFile, `${mark}${digest(body)}\n${body}`);
  return 'written';
}
