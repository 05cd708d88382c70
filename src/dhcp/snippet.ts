import type { InventoryHost } from '../config/inventory.ts';
import { OpsError } from '../model/errors.ts';

/** Directory of the snippets on the install servers; `dhcpincludes` knows its layout. */
const automation = '/etc/dhcp/automation';
/** The program that takes changed snippets into dhcpd's service. */
export const dhcpincludes = '/usr/local/sbin/dhcpincludes -r commit';

/** A host's DHCP configuration for one installation. */
export interface Snippet {
  path: string;
  body: string;
}

/** Name of a host without its domain. */
export const shortName = (host: string): string => host.split('.')[0] ?? host;

/** Path of a host's snippet, whoever wrote it; the consoles of real machines are on ttyS1. */
export const snippetPath = (host: string): string => `${automation}/ttyS1-115200/${shortName(host)}.conf`;

const headOf = (run: string) => `# sumac run ${run}`;

/** The run that wrote a snippet, from its first line. */
export const snippetRun = (body: string): string | undefined =>
  /^# sumac run (.+)$/.exec(body.split('\n')[0] ?? '')?.[1];

/**
 * The snippet that makes a host start an installer from the network (dhcpd.conf(5)), matched by hardware address.
 * @param options.server address of the install server, in the boot file's URL
 * @throws OS_INVALID
 */
export function snippet(
  host: string,
  { address, mac }: Pick<InventoryHost, 'address' | 'mac'>,
  { run, os, server, token }: { run: string; os: string; server: string; token: string },
): Snippet {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(os))
    throw new OpsError('usage', 'OS_INVALID', `os '${os}' for ${host}: expected a name such as trixie`);
  const lines = [
    headOf(run),
    `host ${shortName(host)} {`,
    `    hardware ethernet ${mac.toLowerCase()};`,
    `    fixed-address ${address};`,
    `    filename "http://${server}/boot?os=${os}&token=${token}";`,
    '}',
  ];
  return { path: snippetPath(host), body: `${lines.join('\n')}\n` };
}
