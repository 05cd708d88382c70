import { HostSet } from '../../model/host-set.ts';
import { Limit } from '../../remote/limit.ts';
import type { Backend, World } from '../backend.ts';
import { type Service, certificates } from '../http.ts';
import { type Filters, readFilters } from '../openstack/grammar.ts';
import { type Login, credentials, projects } from '../openstack/keystone.ts';
import { servers } from '../openstack/nova.ts';

/** Projects asked at the same time. */
const width = 8;

/** The servers that Nova lists in a project, or in every enabled one but `admin`. */
export const backend: Backend = {
  name: 'openstack',
  letter: 'O',
  parse(text) {
    const filters = readFilters(text);
    return (world) => instances(filters, world);
  },
};

async function instances(filters: Filters, { config: { openstack: config }, signal }: World): Promise<HostSet> {
  const named = { name: 'OpenStack', code: 'OPENSTACK', section: 'openstack' };
  const tls = await certificates(named, { verify: true });
  const service: Service = { ...named, timeoutSeconds: config.timeout, tls, proxy: config.proxy_url };
  // One failure ends it all: nobody waits for the rest.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const login: Login = { config, service, signal: either, ...(await credentials(config)) };
  const all = new Map([
    ['status', 'ACTIVE'],
    ['vm_state', 'ACTIVE'],
    ...Object.entries(config.query_params),
    ...filters,
  ]);
  const one = all.get('project');
  all.delete('project');
  const wanted = one === undefined ? (await projects(login)).filter((name) => name !== 'admin') : [one];
  const suffix = config.domain_suffix === undefined ? '' : `.${config.domain_suffix.replace(/^\./, '')}`;
  const limit = new Limit(width);
  const hostsOf = async (project: string) => {
    const done = await limit.take(either);
    try {
      return (await servers(login, project, all)).map((name) => `${name}.${project}${suffix}`);
    } finally {
      done();
    }
  };
  try {
    return HostSet.of((await Promise.all(wanted.map(hostsOf))).flat());
  } finally {
    failed.abort(new Error('another project could not be asked'));
  }
}
