import { z } from 'zod';
import { OpsError } from '../../model/errors.ts';
import { ask } from '../http.ts';
import type { Filters } from './grammar.ts';
import { type Login, type Token, read, refused, token } from './keystone.ts';

const serversAnswer = z.object({
  servers: z.array(z.object({ name: z.string() })),
  servers_links: z.array(z.object({ rel: z.string(), href: z.string() })).default([]),
});

/** Names of a project's servers that pass the filters. @throws OPENSTACK_REFUSED, OPENSTACK_NO_ENDPOINT, see `ask` */
export async function servers(login: Login, project: string, filters: Filters): Promise<string[]> {
  const { service, config, signal } = login;
  const given = await token(login, project);
  const { nova_api_version: version } = config;
  const headers = {
    'X-Auth-Token': given.id,
    ...(version.includes('.') && { 'X-OpenStack-Nova-API-Version': version }),
  };
  const names: string[] = [];
  const first = new URL(`${endpoint(login, given)}/servers/detail`);
  for (const [key, value] of filters) if (value !== '') first.searchParams.append(key, value);
  // Nova gives a thousand at a time, and says how to go on.
  for (let url: URL | undefined = first; url;) {
    const answer = await ask(service, { method: 'GET', url, headers, signal });
    if (answer.status !== 200) throw refused(service, url, answer, `does not list the servers of '${project}'`);
    const page: z.infer<typeof serversAnswer> = read(service, url, answer, serversAnswer);
    names.push(...page.servers.map(({ name }) => name));
    const next = page.servers_links.find(({ rel }) => rel === 'next');
    // The address is Nova's idea of itself; only the rest of it counts.
    url = next && page.servers.length > 0 ? new URL(`${first.pathname}${new URL(next.href).search}`, first) : undefined;
  }
  return names;
}

function endpoint({ service, config }: Login, { catalog }: Token): string {
  const { region_name: region, endpoint_type: type } = config.client_params;
  const compute = catalog.filter((entry) => entry.type === 'compute').flatMap(({ endpoints }) => endpoints);
  const found = compute.find((one) => one.interface === type && (region === undefined || one.region === region));
  if (found) return found.url.replace(/\/+$/, '');
  const known = compute.map((one) => `${one.interface} in ${one.region ?? '-'}`).join(', ') || 'none';
  throw new OpsError(
    'failed',
    'OPENSTACK_NO_ENDPOINT',
    `${service.name} has no ${type} endpoint of Nova${region === undefined ? '' : ` in ${region}`} (openstack.client_params): known are ${known}`,
  );
}
