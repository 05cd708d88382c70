import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configSchema } from '../../../src/config/schema.ts';
import { OpsError } from '../../../src/model/errors.ts';
import { siteOf } from '../../../src/remote/sites.ts';
import { Targets } from '../../../src/remote/target.ts';

const dir = mkdtempSync(join(tmpdir(), 'sumac-target-'));
after(() => {
  rmSync(dir, { recursive: true });
});
const write = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const targets = (ssh: object, rest: object = {}) =>
  new Targets(
    configSchema((path) => path).parse({
      cookbooks_base_dirs: ['.'],
      logs_base_dir: dir,
      ssh: { agent: false, identity_files: ['/key'], ...ssh },
      ...rest,
    }),
  );
const throwsCode = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof OpsError && error.kind === 'usage' && error.code === code);

test('without an OpenSSH file a host is reached by its name', async () => {
  const target = await targets({ known_hosts: ['/known'] }).of('db1.lab');
  assert.partialDeepStrictEqual(target, {
    address: 'db1.lab',
    port: 22,
    user: 'root',
    identityFiles: ['/key'],
    agent: undefined,
    jump: undefined,
    known: false,
    owner: { keyName: 'db1.lab', knownHosts: ['/known'], proven: true },
  });
});

test('the OpenSSH file says more: names, ports, users, keys, tokens, and the first value counts', async () => {
  const config_file = write(
    'config',
    `Host db*.lab !db9.lab
  HostName %h.internal
  User admin
  Port 2222
  IdentityFile ~/.ssh/%r-key
  UserKnownHostsFile /etc/known_%n
Host db1.lab
  User other
Host alias
  HostName 10.0.0.9
  HostKeyAlias real.lab
Match host 10.0.0.9
  Port 23
Host *
  User everyone
`,
  );
  const all = targets({ config_file, known_hosts: ['/known'] });
  assert.partialDeepStrictEqual(await all.of('db1.lab'), {
    address: 'db1.lab.internal',
    user: 'admin',
    port: 2222,
    identityFiles: [`${homedir()}/.ssh/admin-key`, '/key'],
    known: true,
    owner: { keyName: 'db1.lab.internal', knownHosts: ['/etc/known_db1.lab', '/known'] },
  });
  assert.partialDeepStrictEqual(await all.of('db9.lab'), { address: 'db9.lab', user: 'everyone', port: 22 });
  assert.partialDeepStrictEqual(await all.of('alias'), { port: 23, owner: { alias: 'real.lab' } });
});

test('included files count where they are included, and nothing after them belongs to their last section', async () => {
  mkdirSync(join(dir, 'config.d'));
  write('config.d/1', 'Host inner\n  Port 1111\n');
  write('config.d/2', 'User fromsecond\n');
  const config_file = write(
    'including',
    `Include ${dir}/config.d/1\nPort 2222\nHost outer\n  Include "${dir}/config.d/[2-9]"\n  HostName o\n`,
  );
  const all = targets({ config_file, user: 'default' });
  assert.partialDeepStrictEqual(await all.of('inner'), { port: 1111, user: 'default' });
  assert.partialDeepStrictEqual(await all.of('outer'), { port: 2222, address: 'o', user: 'fromsecond' });
  write('config.d/1', 'Host inner\n  Port 3333\n');
  assert.equal((await all.of('inner')).port, 3333);
  write('config.d/3', 'User unheard\nIdentityFile /third\n');
  assert.deepEqual((await all.of('outer')).identityFiles, ['/third', '/key']);
  await throwsCode(targets({ config_file: write('self', `Include ${dir}/self\n`) }).of('x'), 'SSH_CONFIG_INVALID');
  await throwsCode(targets({ config_file: join(dir, 'none') }).of('x'), 'SSH_CONFIG_INVALID');
});

test('jump hosts come one after the other, each with its own settings, and never lead to themselves', async () => {
  const config_file = write(
    'jumps',
    'Host bastion\n  HostName 192.0.2.1\n  Port 2222\n  User jumper\nHost inside\n  ProxyJump bastion,second@hop2:77\nHost free\n  ProxyJump none\n',
  );
  const all = targets({ config_file, jump_host: 'bastion' });
  const inside = await all.of('inside');
  assert.partialDeepStrictEqual(inside.jump, { host: 'hop2', user: 'second', port: 77, owner: { port: 77 } });
  assert.partialDeepStrictEqual(inside.jump?.jump, {
    address: '192.0.2.1',
    port: 2222,
    user: 'jumper',
    jump: undefined,
  });
  assert.equal((await all.of('free')).jump, undefined);
  assert.equal((await all.of('other')).jump?.host, 'bastion');
  assert.equal((await all.of('bastion')).jump, undefined);
  await throwsCode(targets({ jump_host: 'user@' }).of('x'), 'JUMP_HOST_INVALID');
});

test('addresses come from the inventory, the name in known_hosts stays that of the host', async () => {
  const entry = { address: '10.1.1.1', mac: '00:11:22:33:44:55', mgmt: 'm', datacenter: 'd' };
  const inventory = write('inventory.yaml', JSON.stringify({ hosts: { 'db1.lab': entry } }));
  const all = targets({}, { inventory });
  assert.partialDeepStrictEqual(await all.of('db1.lab'), {
    address: '10.1.1.1',
    known: true,
    owner: { keyName: 'db1.lab' },
  });
  assert.partialDeepStrictEqual(await all.of('db2.lab'), { address: 'db2.lab', known: false });
});

test('the installer has its own user, keys and known hosts, and no proven key counts for it', async () => {
  const installer_ssh = { user: 'inst', identity_files: ['/i'], known_hosts: ['/k'] };
  assert.partialDeepStrictEqual(await targets({}, { installer_ssh }).of('db1.lab', 'installer'), {
    user: 'inst',
    identityFiles: ['/i'],
    agent: undefined,
    owner: { keyName: 'db1.lab', knownHosts: ['/k'], proven: false },
  });
  await throwsCode(targets({}).of('db1.lab', 'installer'), 'INSTALLER_SSH_NOT_CONFIGURED');
});

test('a host belongs to the first site that names it', async () => {
  const sites = { east: { hosts: 'web[1-3],db*.east, *.tools' }, west: { hosts: 'web[2-9]' } };
  const of = (host: string) => siteOf(sites, host);
  assert.deepEqual(['web2', 'web4', 'db77.east', 'a.tools', 'web10', 'db1.west'].map(of), [
    'east',
    'west',
    'east',
    'east',
    undefined,
    undefined,
  ]);
});
