import { globSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import SSHConfig from 'ssh-config';
import { OpsError, messageOf } from '../model/errors.ts';

/** What an OpenSSH client configuration says about one host; absent what it is silent about. */
export interface HostOptions {
  hostName?: string;
  port?: number;
  user?: string;
  identityFiles: string[];
  identitiesOnly: boolean;
  /** Comma list of `[user@]host[:port]`, or `none`. */
  proxyJump?: string;
  knownHosts: string[];
  hostKeyAlias?: string;
}

/** An OpenSSH client configuration file, read again when it or a file it includes has changed. */
export class SshConfigFile {
  readonly #file: string;
  #stamp = '';
  #files: string[] = [];
  #parsed = new SSHConfig();
  #hosts = new Map<string, HostOptions>();

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws SSH_CONFIG_INVALID */
  of(host: string): HostOptions {
    this.#refresh();
    let options = this.#hosts.get(host);
    if (!options) this.#hosts.set(host, (options = this.#compute(host)));
    return options;
  }

  #refresh(): void {
    const now = stampOf([this.#file, ...this.#files]);
    if (this.#stamp !== '' && now === this.#stamp) return;
    this.#files = [];
    this.#hosts = new Map();
    try {
      this.#parsed = SSHConfig.parse(this.#text(this.#file, '', 0));
    } catch (error) {
      throw this.#invalid(messageOf(error));
    }
    this.#stamp = stampOf([this.#file, ...this.#files]);
  }

  // The parser knows no Include: included text takes its place, and the section it stands in is opened again after it.
  #text(file: string, section: string, depth: number): string {
    if (depth > 16) throw this.#invalid(`${file} is included by itself`);
    let open = section;
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => {
        const [, keyword, rest] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
        if (/^(host|match)$/i.test(keyword ?? '')) open = line;
        if (!/^include$/i.test(keyword ?? '')) return line;
        const texts = patterns(rest ?? '').flatMap((pattern) => {
          const path = untilde(pattern);
          const found = globSync(isAbsolute(path) ? path : join(dirname(this.#file), path)).sort();
          this.#files.push(...found);
          return found.map((each) => this.#text(each, open, depth + 1));
        });
        return [...texts, open === '' ? 'Host *' : open].join('\n');
      })
      .join('\n');
  }

  #compute(host: string): HostOptions {
    const said = this.#parsed.compute(host, { ignoreCase: true });
    const one = (key: string) => [said[key] ?? []].flat()[0];
    const many = (key: string) => [said[key] ?? []].flat().filter((value) => value !== 'none');
    const hostName = one('hostname')?.replaceAll('%h', host);
    const expand = (path: string) =>
      untilde(path.replace(/%([%dhnru])/g, (_, token: string) => this.#token(token, host, hostName, one('user'))));
    const port = one('port');
    const proxyJump = one('proxyjump');
    const command = one('proxycommand');
    if (proxyJump === undefined && command !== undefined && command !== 'none')
      throw this.#invalid(`ProxyCommand is not supported (for host ${host}): use ProxyJump`);
    const user = one('user');
    const hostKeyAlias = one('hostkeyalias');
    return {
      ...(hostName === undefined ? {} : { hostName }),
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(user === undefined ? {} : { user }),
      ...(proxyJump === undefined ? {} : { proxyJump }),
      ...(hostKeyAlias === undefined ? {} : { hostKeyAlias }),
      identityFiles: many('identityfile').map(expand),
      identitiesOnly: one('identitiesonly') === 'yes',
      knownHosts: many('userknownhostsfile').map(expand),
    };
  }

  #token(token: string, host: string, hostName = host, user = ''): string {
    const tokens: Record<string, string> = { '%': '%', d: homedir(), h: hostName, n: host, r: user, u: user };
    return tokens[token] ?? '';
  }

  #invalid(why: string): OpsError {
    return new OpsError('usage', 'SSH_CONFIG_INVALID', `ssh.config_file ${this.#file}: ${why}`);
  }
}

const patterns = (text: string): string[] =>
  [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

const untilde = (path: string): string => path.replace(/^~(?=\/|$)/, homedir());

const stampOf = (files: readonly string[]): string =>
  files
    .map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
    .map((stat) => (stat ? `${stat.ino}:${stat.mtimeNs}:${stat.size}` : '-'))
    .join();
