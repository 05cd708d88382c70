import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Said } from './ssh-config-file.ts';

/** Stands where no file says anything, so that OpenSSH's defaults are not taken for what was configured. */
const unset = '.unset.';
/** The same for lists of algorithms, which have to be ones that OpenSSH knows: in an order that nobody would write. */
const unsetLists: Record<string, string> = {
  kexalgorithms: 'diffie-hellman-group14-sha256,ecdh-sha2-nistp521,curve25519-sha256,ecdh-sha2-nistp384',
  ciphers: 'aes192-ctr,aes256-ctr,aes128-ctr,aes256-gcm@openssh.com',
  macs: 'hmac-sha1,hmac-sha2-512,umac-64@openssh.com,hmac-sha2-256',
  hostkeyalgorithms: 'rsa-sha2-256,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512',
};
const end = [
  ...['IdentityFile', 'ProxyJump', 'UserKnownHostsFile', 'GlobalKnownHostsFile'].map((keyword) => [keyword, unset]),
  ...Object.entries(unsetLists),
]
  .map((words) => `${words.join(' ')}\n`)
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
  // Unlike the time-out of spawn, it keeps no process alive that found no program `ssh`.
  const signal = AbortSignal.timeout(longestMs);
  try {
    const child = spawn('ssh', ['-T', '-G', '-F', '/dev/stdin', '--', host], {
      stdio: [stdin, 'pipe', 'pipe'],
      signal,
    });
    const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    const read = (stream: Readable | null) => (stream ? text(stream) : '');
    const [code, out, errors] = await Promise.all([exit, read(child.stdout), read(child.stderr)]);
    if (code !== 0) throw new Error(errors.trim() || `ssh -G ended with ${code ?? 'a signal'}`);
    return parse(out);
  } catch (error) {
    throw signal.aborted ? new Error(`ssh -G did not end within ${longestMs / 1000} s`) : error;
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
    else
      said.set(keyword, [
        ...(said.get(keyword) ?? []),
        ...values.filter((each) => each !== unset && each !== unsetLists[keyword]),
      ]);
  }
  const { proxyjump = 'none', proxycommand = 'none' } = proxy;
  if (proxycommand !== 'none') said.set('proxy', ['proxycommand', proxycommand]);
  else if (proxyjump !== unset) said.set('proxy', ['proxyjump', proxyjump]);
  for (const [keyword, values] of said) if (values.length === 0) said.delete(keyword);
  return said;
}
