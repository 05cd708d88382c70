import { inventoryHost } from '../config/inventory.ts';
import type { Config } from '../config/schema.ts';
import { OpsError } from '../model/errors.ts';
import { expand } from '../model/host-set.ts';

/** The install servers of the configuration. @throws DHCP_NOT_CONFIGURED, HOSTS_INVALID */
export function installServers({ dhcp }: Config): string[] {
  if (!dhcp)
    throw new OpsError('usage', 'DHCP_NOT_CONFIGURED', "no 'dhcp' in the configuration, needed to install a host");
  return expand(dhcp.servers);
}

/** Address of an install server as a booting host reaches it: the inventory's, else its name. */
export function serverAddress({ inventory }: Config, server: string): string {
  try {
    return inventoryHost(inventory, server).address;
  } catch (error) {
    if (error instanceof OpsError && error.code === 'HOST_UNKNOWN') return server;
    throw error;
  }
}
