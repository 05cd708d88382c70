import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './table.ts';
import { peer, peerEnv } from './venv.ts';

/**
 * Spicerack with the same cookbooks, etcd and hosts.
 * @param dir where its configuration and logs go
 * @param etcdUrl an etcd that serves the API of version 2 too
 * @param sshConfig of the hosts its commands go to
 */
export async function openSpicerack(dir: string, etcdUrl: string, sshConfig = '/dev/null'): Promise<Program> {
  const file = await peer('cookbook');
  const cookbooks = join(dir, 'cookbooks/bench');
  mkdirSync(cookbooks, { recursive: true });
  const { hostname, port } = new URL(etcdUrl);
  const files: Record<string, string> = {
    'config.yaml': `cookbooks_base_dirs: [${dir}]\nlogs_base_dir: ${dir}/logs
instance_params: { cumin_config: ${dir}/cumin.yaml, etcd_config: ${dir}/etcd.yaml }\n`,
    'etcd.yaml': `{ host: ${hostname}, port: ${port}, allow_reconnect: true }\n`,
    'cumin.yaml': `{ transport: clustershell, log_file: ${dir}/cumin.log, default_backend: direct,
  clustershell: { ssh_options: ['-F ${sshConfig}'] } }\n`,
    'cookbooks/__init__.py': '',
    'cookbooks/bench/__init__.py': '"""Benchmarks"""\n',
    'cookbooks/bench/noop.py': noop,
    'cookbooks/bench/commands.py': commands,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return { file, args: ['-c', join(dir, 'config.yaml')], env: peerEnv };
}

const head = `"""Benchmarks"""
from spicerack.cookbook import CookbookBase, CookbookRunnerBase
`;

const noop = `${head}
class Noop(CookbookBase):
    """Does nothing"""

    def get_runner(self, args):
        return NoopRunner()


class NoopRunner(CookbookRunnerBase):
    @property
    def runtime_description(self):
        return "nothing"

    def run(self):
        pass
`;

const commands = `${head}
class Commands(CookbookBase):
    """Runs a command a number of times"""

    def argument_parser(self):
        parser = super().argument_parser()
        parser.add_argument("host")
        parser.add_argument("times", type=int)
        return parser

    def get_runner(self, args):
        return CommandsRunner(args, self.spicerack)


class CommandsRunner(CookbookRunnerBase):
    def __init__(self, args, spicerack):
        self.times = args.times
        self.hosts = spicerack.remote().query(args.host)

    @property
    def runtime_description(self):
        return f"on {self.hosts}"

    def run(self):
        for _ in range(self.times):
            self.hosts.run_sync("true", print_output=False, print_progress_bars=False)
`;
