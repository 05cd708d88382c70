import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { OpsError } from '../../../src/model/errors.ts';

let dir: string;
const touched = ['XDG_CACHE_HOME', 'COOKBOOK_CONFIG', 'HOME'];
const environment = touched.map((name) => [name, process.env[name]] as const);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'config-'));
  process.env['XDG_CACHE_HOME'] = join(dir, 'cache');
  delete process.env['COOKBOOK_CONFIG'];
});
afterEach(() => {
  for (const [name, value] of environment)
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  rmSync(dir, { recursive: true });
});

const write = (text: string, name = 'config.yaml') => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const valid = 'cookbooks_base_dirs: [~/checkout, here, /there]\nlogs_base_dir: logs\n';
const fails = (file: string | undefined, code: string, ...lines: RegExp[]) =>
  assert.rejects(loadConfig(file), (error) => {
    assert.ok(error instanceof OpsError, String(error));
    assert.equal(error.code, code);
    const found = error.message.replaceAll(`${dir}/`, '').split('\n');
    assert.equal(found.length, lines.length, error.message);
    lines.forEach((line, i) => assert.match(found[i] ?? '', line));
    return true;
  });

test('paths become absolute: ~ is the home directory, others are relative to the file', async () => {
  const { config, file } = await loadConfig(write(valid));
  assert.equal(file, join(dir, 'config.yaml'));
  assert.deepEqual(config.cookbooks_base_dirs, [`${homedir()}/checkout`, join(dir, 'here'), '/there']);
  assert.equal(config.logs_base_dir, join(dir, 'logs'));
  assert.equal(config.temporal.address, '127.0.0.1:7233');
});

test('what was found valid is not checked again, a changed file is', async () => {
  const first = await loadConfig(write(valid));
  assert.equal(readdirSync(join(dir, 'cache/sumac')).length, 1);
  assert.deepEqual(await loadConfig(first.file), first);
  await fails(write(`${valid}typo: 1\n`), 'CONFIG_INVALID', /config\.yaml:3: typo: unknown key/);
});

test('a cache that cannot be read or written does no harm', async () => {
  const file = write(valid);
  mkdirSync(join(dir, 'cache'));
  writeFileSync(join(dir, 'cache/sumac'), 'a file where the directory should be');
  assert.equal((await loadConfig(file)).file, file);
});

test('each mistake is told by file, line and key, in the order of the file', () =>
  fails(
    write(`\
cookbook_base_dirs: [x]
cookbooks_base_dirs: []
temporal:
  adress: foo
  address: foo
  tls: { cert: [] }
etcd:
  hosts:
    - http://a
    - 7
sites: { Eqiad: { hosts: a } }
`),
    'CONFIG_INVALID',
    /^config\.yaml:1: cookbook_base_dirs: unknown key, did you mean 'cookbooks_base_dirs'\?$/,
    /^config\.yaml:1: logs_base_dir: missing \(expected string\)$/,
    /^config\.yaml:2: cookbooks_base_dirs: /,
    /^config\.yaml:4: temporal\.adress: unknown key, did you mean 'address'\?$/,
    /^config\.yaml:5: temporal\.address: "foo": expected HOST:PORT$/,
    /^config\.yaml:6: temporal\.tls\.cert: expected string, received array$/,
    /^config\.yaml:10: etcd\.hosts\[1\]: 7: expected string, received number$/,
    /^config\.yaml:11: sites\.Eqiad: a site is named in lower-case/,
  ));

test('a file that is no YAML, no mapping or empty is told so', async () => {
  await fails(write('a: [b\nc: d'), 'CONFIG_INVALID', /^config\.yaml:2: not YAML: /);
  await fails(write('just text'), 'CONFIG_INVALID', /^config\.yaml:1: .*write KEY: VALUE lines$/);
  await fails(write(''), 'CONFIG_INVALID', /:1: \w+_base_dirs?: missing/, /:1: \w+_base_dirs?: missing/);
});

test('the file named wins over COOKBOOK_CONFIG, which wins over the standard places', async () => {
  process.env['HOME'] = dir;
  mkdirSync(join(dir, '.config/sumac'), { recursive: true });
  const standard = write(valid, '.config/sumac/config.yaml');
  assert.equal((await loadConfig()).file, standard);
  process.env['COOKBOOK_CONFIG'] = write(valid, 'b.yaml');
  assert.equal((await loadConfig()).file, join(dir, 'b.yaml'));
  assert.equal((await loadConfig(write(valid, 'a.yaml'))).file, join(dir, 'a.yaml'));
});

test('a file that is not there is told with who named it', async () => {
  await fails(join(dir, 'absent.yaml'), 'CONFIG_UNREADABLE', /^configuration absent\.yaml cannot be read: ENOENT/);
  process.env['COOKBOOK_CONFIG'] = join(dir, 'absent.yaml');
  await fails(undefined, 'CONFIG_UNREADABLE', /absent\.yaml \(named by COOKBOOK_CONFIG\) cannot be read/);
});
