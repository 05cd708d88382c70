import { inventoryHost, type InventoryHost } from '../src/config/inventory.ts';
import { read } from './define.ts';

/** What is written down about hosts. */
export const inventory = {
  /** Addresses and datacenter of a host. Throws HOST_UNKNOWN, INVENTORY_UNREADABLE. */
  'inventory.host': read(async ({ host }: { host: string }, call): Promise<InventoryHost> =>
    inventoryHost(call.deps.config.inventory, host),
  ),
};
