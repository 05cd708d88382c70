import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Said } from './ssh-config-file.ts';

/** Stands where no file says anything, so that OpenSSH's defaults are not taken for what was configured. */
const unset = '.unset.';
const end = ['IdentityFile', 'ProxyJump', 'UserKnownHostsFile', 'GlobalKnownHostsFile']
  .map((keyword) => `${keyword} ${unset}\n`)
  .join('');

/** For `Match exec` and DNS. */
const longestMs = 20_000;

/**
 * What `ssh -G` says of a host.
 * @param config text of a client configuration
 * @param user where it names none
 * @param twice ssh reads the configuration a second time, and what it says counts then too
 * @throws Error with what ssh has to say against it, lines counted as in `config`; ENOENT when there is no program `ssh`
 */
export async function dump(config: string, host: string, user: string, twice = false): Promise<Said> {
  const stdin = fileWith(`${config}\nMatch ${twice ? 'final ' : ''}all\nUser ${user}\n${end}`);
  try {
    const child = spawn('ssh', ['-T', '-G', '-F', '/dev/stdin', '--', host], {
      stdio: [stdin, 'pipe', 'pipe'],
      timeout: longestMs,
    });
    const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    const read = (stream: Readable | null) => (stream ? text(stream) : '');
    const [code, out, errors] = await Promise.all([exit, read(child.stdout), read(child.stderr)]);
    if (code === null) throw new Error(`ssh -G did not end within ${longestMs / 1000} s`);
    if (code !== 0) throw new Error(errors.trim() || `ssh -G ended with ${code}`);
    return parse(out);
  } finally {
    closeSync(stdin);
  }
}

// ssh reads it anew for every pass over the configuration, which it could not do with a pipe.
function fileWith(content: string): number {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-ssh-'));
  try {
    const file = join(dir, 'config');
    writeFileSync(file, content, { mode: 0o600 });
    return openSync(file, 'r');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Where ssh has put in what tokens stand for. */
const expanded = new Set(['hostname', 'userknownhostsfile', 'identityagent']);

function parse(out: string): Said {
  const said: Said = new Map();
  const proxy = { proxyjump: undefined as string | undefined, proxycommand: undefined as string | undefined };
  for (const line of out.split('\n')) {
    const [, keyword = '', value = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    const text = expanded.has(keyword) ? value.replaceAll('%', '%%') : value;
    const values = keyword.endsWith('knownhostsfile') ? text.split(' ') : [text];
    if (keyword in proxy) proxy[keyword as keyof typeof proxy] = value;
    else said.set(keyword, [...(said.get(keyword) ?? []), ...values.filter((each) => each !== unset)]);
  }
  const { proxyjump = 'none', proxycommand = 'none' } = proxy;
  if (proxycommand !== 'none') said.set('proxy', ['proxycommand', proxycommand]);
  else if (proxyjump !== unset) said.set('proxy', ['proxyjump', proxyjump]);
  for (const [keyword, values] of said) if (values.length === 0) said.delete(keyword);
  return said;
}
