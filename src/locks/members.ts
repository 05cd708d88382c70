import dns from 'node:dns/promises';
import { messageOf } from '../model/errors.ts';
import type { EtcdConfig } from './etcd-options.ts';

/** Addresses of etcd's members: as configured, or as a domain's SRV records name them. Throws when none do. */
export async function membersOf({ hosts, srv_domain: domain, ca_cert, cert }: EtcdConfig): Promise<readonly string[]> {
  if (hosts) return hosts;
  const own = (ca_cert ?? cert) ? 'https' : 'http';
  // As etcdctl, then as the original.
  const services = [
    ['_etcd-client-ssl._tcp', 'https'],
    ['_etcd-client._tcp', 'http'],
    ['_etcd._tcp', own],
  ] as const;
  let why = '';
  for (const [service, scheme] of services) {
    try {
      const records = await dns.resolveSrv(`${service}.${domain}`);
      records.sort((a, b) => a.priority - b.priority || b.weight - a.weight);
      if (records.length > 0) return records.map(({ name, port }) => `${scheme}://${name}:${port}`);
    } catch (error) {
      why = messageOf(error);
    }
  }
  throw new Error(
    `etcd.srv_domain: no SRV records ${services.map(([service]) => service).join(', ')} of ${domain} (${why})`,
  );
}
