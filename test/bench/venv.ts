import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const venv = join(import.meta.dirname, '../../.dev/bench-venv');
const call = promisify(execFile);

/** What Sumac is measured against, from PyPI. */
export const peers = {
  'wikimedia-spicerack': '14.0.0',
  cumin: '6.0.0',
  ClusterShell: '1.9.3',
  'parallel-ssh': '2.16.0.post1',
  asyncssh: '2.24.1',
  'ansible-core': '2.19.14',
};

/** For programs of the peers: what they have compiled they may keep, as where they are installed. */
export const peerEnv: NodeJS.ProcessEnv = { ...process.env, PYTHONDONTWRITEBYTECODE: '' };

/** A program of the peers, which are installed when the first is needed. */
export async function peer(program: string): Promise<string> {
  const wanted = Object.entries(peers).map(([name, version]) => `${name}==${version}`);
  const mark = join(venv, 'sumac-peers');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted.join(' ')) {
    process.stderr.write(`installing ${wanted.join(', ')} into ${venv}\n`);
    rmSync(venv, { recursive: true, force: true });
    await call('python3', ['-m', 'venv', venv], { env: peerEnv });
    await call(join(venv, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...wanted], {
      env: peerEnv,
    });
    writeFileSync(mark, wanted.join(' '));
  }
  return join(venv, 'bin', program);
}
