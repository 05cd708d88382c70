import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Remote } from '../../src/remote/remote.ts';
import { startSshLab } from '../support/sshd.ts';
import { inTurns, median, row, timed } from './table.ts';

const call = promisify(execFile);
const times = 20;

/**
 * What the journal costs: a command beside a plain one over the same kept connection, and beside `ssh` with ControlMaster.
 * Plain or journalled, a command is one channel and its input or output; there is no round trip besides.
 */
export async function journal(): Promise<void> {
  const lab = await startSshLab(['bench1']);
  const remote = new Remote(lab.config);
  const { port } = lab.host('bench1');
  const ssh = [
    '-F',
    'none',
    '-i',
    lab.key,
    '-p',
    String(port),
    '-l',
    'root',
    '-o',
    `UserKnownHostsFile=${lab.knownHosts}`,
  ]
    .concat(['-o', `ControlPath=${join(lab.dir, 'master')}`])
    .concat(['-o', 'ControlMaster=auto', '-o', 'ControlPersist=60']);
  let token = 0;
  const each = async (body: () => Promise<unknown>) => {
    const all = await timed(async () => {
      for (let i = 0; i < times; i++) await body();
    });
    return all / times;
  };
  try {
    const [master = [], plain = [], journalled = [], said = []] = await inTurns(
      () => each(() => call('ssh', [...ssh, '127.0.0.1', 'true'])),
      () => each(() => remote.run('bench1', 'true')),
      () => each(() => remote.runOnce('bench1', 'true', { token: `bench${token++}` })),
      () => each(() => remote.runOnce('bench1', 'echo said', { token: `bench${token++}` })),
    );
    const cost = median(journalled) - median(plain);
    row('a command, ssh with ControlMaster', master, 'ms');
    row('a command, plain', plain, 'ms');
    row('a command, journalled', journalled, 'ms', {
      text: `${cost.toFixed(1)} ms more than plain, at most 12`,
      met: cost <= 12,
    });
    row('a command that prints, journalled', said, 'ms');
  } finally {
    await call('ssh', [...ssh, '-O', 'exit', '127.0.0.1']).catch(() => undefined);
    await remote.close();
    await lab.close();
  }
}
