import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { OpsError, messageOf } from '../model/errors.ts';

const Host = z.strictObject({
  /** Address of the host's primary interface, IPv4. */
  address: z.ipv4(),
  /** Of the interface the host boots from. */
  mac: z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i),
  /** Address or name of the BMC. */
  mgmt: z.string(),
  datacenter: z.string(),
});

/** Facts about hosts that an operator's asset database would hold: one entry by host name. */
export const Inventory = z.strictObject({ hosts: z.record(z.string(), Host) });
export type Inventory = z.infer<typeof Inventory>;
export type InventoryHost = z.infer<typeof Host>;

let kept: { file: string; stamp: string; inventory: Inventory } | undefined;

/** The inventory, read anew when the file has changed: a host added during a run is seen. */
function inventoryOf(file: string): Inventory {
  const { ino, mtimeNs, size } = statSync(file, { bigint: true });
  const stamp = `${ino}:${mtimeNs}:${size}`;
  if (kept?.file !== file || kept.stamp !== stamp)
    kept = { file, stamp, inventory: Inventory.parse(parse(readFileSync(file, 'utf8'))) };
  return kept.inventory;
}

/**
 * The inventory's entry of a host.
 * @throws INVENTORY_UNREADABLE, HOST_UNKNOWN
 */
export function inventoryHost(file: string | undefined, host: string): InventoryHost {
  if (file === undefined)
    throw new OpsError('usage', 'INVENTORY_UNREADABLE', `no 'inventory' in the configuration, needed for ${host}`);
  let inventory: Inventory;
  try {
    inventory = inventoryOf(file);
  } catch (error) {
    throw new OpsError(
      'usage',
      'INVENTORY_UNREADABLE',
      `inventory ${file}: ${error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)}`,
    );
  }
  const found = inventory.hosts[host];
  if (!found) throw new OpsError('usage', 'HOST_UNKNOWN', `host '${host}' is not in the inventory ${file}`);
  return found;
}
