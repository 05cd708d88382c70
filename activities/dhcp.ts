import { createHash } from 'node:crypto';
import { inventoryHost } from '../src/config/inventory.ts';
import { proofToken } from '../src/dhcp/proof.ts';
import { installServers, serverAddress } from '../src/dhcp/servers.ts';
import { type Snippet, dhcpincludes, snippet, snippetPath, snippetRun } from '../src/dhcp/snippet.ts';
import { OpsError } from '../src/model/errors.ts';
import { quote } from '../src/remote/journal.ts';
import { type Call, converge, secret } from './define.ts';

interface OfInstallation {
  /** Name of the host in the inventory. */
  host: string;
  /** Codename of the operating system. */
  os: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function snippetFor({ host, os }: OfInstallation, server: string, call: Call): Promise<Snippet> {
  const { config } = call.deps;
  return snippet(host, inventoryHost(config.inventory, host), {
    run: call.run,
    os,
    server: serverAddress(config, server),
    token: await proofToken(config, call.run, host),
  });
}

/** Writes a snippet whole or not at all; its text goes through standard input, where no list of processes shows it. */
async function write({ path, body }: Snippet, server: string, { deps, signal }: Call): Promise<void> {
  const [file, fresh] = [quote(path), quote(`${path}.new`)];
  const command = `cat >${fresh} && echo ${sha256(body)}' '${fresh} | sha256sum -c --status && mv -f ${fresh} ${file}`;
  const { exitCode, capture } = await deps.remote.run(server, command, { stdin: body, signal });
  if (exitCode !== 0)
    throw new OpsError(
      'transient',
      'DHCP_SNIPPET_NOT_WRITTEN',
      `${server}: ${path} could not be written: ${capture.output(500).text.trim() || 'it arrived incomplete'}`,
    );
}

/** Takes changed snippets into service; what it says when that fails, which may quote a snippet but not its secret. */
async function refresh(server: string, { deps, signal }: Call): Promise<string | undefined> {
  const { exitCode, capture } = await deps.remote.run(server, dhcpincludes, { signal });
  if (exitCode === 0) return undefined;
  const lines = capture
    .output(1000)
    .text.split('\n')
    .map((line) => line.trim());
  const said = lines
    .filter((line) => !/^\^?$/.test(line))
    .join('; ')
    .replaceAll(/token=[\w.-]*/g, 'token=...');
  return said || `exit status ${exitCode ?? 'none'}`;
}

const refreshFailed = (kind: 'failed' | 'transient', server: string, host: string, said: string, left = '') =>
  new OpsError(kind, 'DHCP_REFRESH_FAILED', `${server}: '${dhcpincludes}' for ${host}: ${said}${left}`, {
    server,
    host,
  });

const remove = (path: string, server: string, { deps, signal }: Call) =>
  deps.remote.text(server, `rm -f ${quote(path)}`, { signal });

async function push(input: OfInstallation, call: Call): Promise<void> {
  const { host } = input;
  const servers = installServers(call.deps.config);
  for (const server of servers) {
    await write(await snippetFor(input, server, call), server, call);
    const said = await refresh(server, call);
    if (said === undefined) continue;
    const lasting: string[] = [];
    for (const each of servers) {
      await remove(snippetPath(host), each, call);
      const still = await refresh(each, call);
      if (still !== undefined) lasting.push(`${each}: ${still}`);
    }
    throw refreshFailed(
      'failed',
      server,
      host,
      said,
      lasting.length > 0 ? `; without the snippet too: ${lasting.join('; ')}` : '',
    );
  }
}

/** Refuses to touch what this run did not write: another run may be installing the host by it. */
async function removeOwn(input: OfInstallation, server: string, call: Call): Promise<void> {
  const { path, body } = await snippetFor(input, server, call);
  const file = quote(path);
  const found = await call.deps.remote.text(server, `[ ! -e ${file} ] || { sha256sum <${file}; head -n 1 ${file}; }`, {
    signal: call.signal,
  });
  const [sum = '', first = ''] = found.split('\n');
  if (found.trim() !== '' && !sum.startsWith(sha256(body))) {
    const run = snippetRun(first);
    throw new OpsError(
      'failed',
      'DHCP_SNIPPET_FOREIGN',
      `${server}: ${path} is left alone: ${run === call.run ? 'it was changed since this run wrote it' : run === undefined ? 'no run wrote it' : `run ${run} wrote it`}`,
      { server, host: input.host },
    );
  }
  await remove(path, server, call);
  // Also when it was gone already: the worker may have died between its removal and the refresh.
  const said = await refresh(server, call);
  if (said !== undefined) throw refreshFailed('transient', server, input.host, said);
}

/** DHCP snippets on the install servers, by which a host that boots from the network gets an installer. */
export const dhcp = {
  /**
   * Writes a host's snippet for this run on every install server and takes it into service; if that fails, takes it away again.
   * Throws DHCP_REFRESH_FAILED, DHCP_SNIPPET_NOT_WRITTEN, DHCP_NOT_CONFIGURED, PROOF_KEY_UNREADABLE, OS_INVALID, HOST_UNKNOWN.
   */
  'dhcp.pushSnippet': secret(push),

  /**
   * Removes a host's snippet of this run from every install server, if it is there.
   * Throws DHCP_SNIPPET_FOREIGN, DHCP_REFRESH_FAILED.
   */
  'dhcp.removeSnippet': converge(async (input: OfInstallation, call): Promise<void> => {
    for (const server of installServers(call.deps.config)) await removeOwn(input, server, call);
  }),
};
