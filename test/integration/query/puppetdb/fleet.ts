/** What a PuppetDB is told before it is asked: six hosts with facts and resources. */
interface Host {
  facts: Record<string, unknown>;
  resources: Resource[];
}
interface Resource {
  type: string;
  title: string;
  parameters?: Record<string, unknown>;
  tags?: string[];
  file?: string;
  line?: number;
  exported?: boolean;
}

const facts = (name: string, cores: number, isVirtual: boolean, release: string) => ({
  processorcount: cores,
  load: cores / 8,
  is_virtual: isVirtual,
  kernelrelease: `6.1.0-${cores}-amd64`,
  os: { name: 'Debian', release: { major: release }, 'distro codename': release === '12' ? 'bookworm' : 'trixie' },
  disks: [{ name: 'sda', size: cores * 100 }],
  path: `C:\\${name}`,
  trusted: { certname: name, authenticated: 'remote' },
});
const classes = (...titles: string[]): Resource[] =>
  titles.map((title, i) => ({ type: 'Class', title, file: '/srv/puppet/site.pp', line: 10 + i }));
const web = (port: number): Resource[] => [
  ...classes('Role::Web', 'Nginx'),
  { type: 'Class', title: 'Profile::Nginx', parameters: { port, tls: port === 443, server_name: `s${port}.example` } },
  { type: 'Package', title: 'nginx', parameters: { ensure: '1.22.1' }, tags: ['nginx', 'web'] },
  { type: 'File', title: '/etc/nginx/nginx.conf', parameters: { mode: '0644' }, file: '/srv/nginx.pp', line: port },
  { type: 'Nginx::Site', title: 'it\'s "a}b"', parameters: { pattern: 'a\\.b' } },
];
const db = (role: string): Resource[] => [
  ...classes(`Role::Db::${role}`, 'Profile::Mariadb'),
  { type: 'Package', title: 'mariadb-server', parameters: { ensure: 'installed' } },
  { type: 'Nagios_host', title: role, exported: true },
];

export const fleet: Record<string, Host> = {
  'web1.eqiad': { facts: facts('web1', 4, true, '12'), resources: web(80) },
  'web2.eqiad': { facts: facts('web2', 8, true, '13'), resources: web(443) },
  'web10.codfw': { facts: facts('web10', 4, true, '12'), resources: web(443) },
  'db1.eqiad': { facts: facts('db1', 32, false, '12'), resources: db('Primary') },
  'db2.codfw': { facts: facts('db2', 31, false, '13'), resources: db('Replica') },
  'cloudvirt1001.eqiad': { facts: facts('cloudvirt1001', 64, false, '13'), resources: classes('Role::Cloud::Virt') },
};

/** Tells a PuppetDB about the hosts, and waits until it knows them. */
export async function teach(origin: string): Promise<void> {
  for (const [certname, { facts: values, resources }] of Object.entries(fleet)) {
    const common = { certname, environment: 'production', producer: 'puppet.example', producer_timestamp: new Date() };
    await command(origin, 'replace_facts', 5, { ...common, values });
    await command(origin, 'replace_catalog', 9, {
      ...common,
      version: '1',
      transaction_uuid: null,
      catalog_uuid: null,
      code_id: null,
      job_id: null,
      edges: [],
      resources: resources.map((resource) => ({ exported: false, tags: [], parameters: {}, ...resource })),
    });
  }
}

async function command(
  origin: string,
  name: string,
  version: number,
  body: { certname: string; [field: string]: unknown },
): Promise<void> {
  const query = `command=${name}&version=${version}&certname=${body.certname}&secondsToWaitForCompletion=60`;
  const response = await fetch(`${origin}/pdb/cmd/v1?${query}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!/"processed" *: *true/.test(text) || text.includes('"error"'))
    throw new Error(`${name} of ${body.certname}: ${text}`);
}
