import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { configSchema } from '../../../src/config/schema.ts';
import { median, row } from '../table.ts';

const call = promisify(execFile);
const hosts = 10_000;

/** `true` on 10,000 simulated hosts, an ssh server in another process: each further thousand takes the same time and no more memory. */
export async function fleetMany(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-many-'));
  for (const name of ['client', 'host_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)]);
  const server = spawn(process.execPath, [join(import.meta.dirname, 'simulated-hosts.ts'), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    writeLab(dir, Number(port.toString()));
    const program = join(import.meta.dirname, 'many-hosts.ts');
    const { stdout } = await call(process.execPath, ['--expose-gc', program, dir, String(hosts)]);
    const lines = stdout.trim().split('\n');
    const column = (i: number) => lines.map((line) => Number(line.split(' ')[i]));
    const [times, held, resident] = [column(0), column(1), column(2)];
    const each = times.map((ms, i) => ms - (times[i - 1] ?? 0));
    const growth = median(each.slice(-3)) / median(each.slice(1, 4));
    row(`${hosts} simulated hosts, cold, each thousand`, each, 'ms', {
      text: `the last take ${growth.toFixed(2)} x the time of the first, at most 1.2`,
      met: growth <= 1.2,
    });
    const more = Math.max(...held.slice(1)) / (held[0] ?? Number.NaN);
    row(`${hosts} simulated hosts, memory held after each thousand`, held, 'MiB', {
      text: `at most ${more.toFixed(2)} x that after the first, at most 1.2`,
      met: more <= 1.2,
    });
    row(`${hosts} simulated hosts, size of the process after each thousand`, resident, 'MiB');
  } finally {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    rmSync(dir, { recursive: true, force: true });
  }
}

function writeLab(dir: string, port: number): void {
  const key = readFileSync(join(dir, 'host_key.pub'), 'utf8').trim();
  const all = Array.from({ length: hosts }, (_, i) => ({
    name: `sim${i + 1}.lab`,
    address: `127.78.${Math.floor(i / 250)}.${(i % 250) + 1}`,
  }));
  const [known, config] = [join(dir, 'known_hosts'), join(dir, 'ssh_config')];
  writeFileSync(known, all.map(({ address }) => `[${address}]:${port} ${key}\n`).join(''));
  writeFileSync(
    config,
    all.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n  Port ${port}\n`).join(''),
  );
  const settings = { config_file: config, identity_files: [join(dir, 'client')], known_hosts: [known], agent: false };
  const parsed = configSchema((path) => path).parse({
    cookbooks_base_dirs: [dir],
    logs_base_dir: dir,
    state_dir: join(dir, 'state'),
    ssh: settings,
  });
  writeFileSync(join(dir, 'config.json'), JSON.stringify(parsed));
}
