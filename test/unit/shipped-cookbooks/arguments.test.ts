import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { cookbook } from '../../../activities/cookbook.ts';
import { Config } from '../../../src/config/schema.ts';
import type { OpsError } from '../../../src/model/errors.ts';
import { callOf } from '../../support/call.ts';

const root = join(import.meta.dirname, '../../..');
const call = callOf({ config: Config.parse({ cookbooks_base_dirs: [root], logs_base_dir: '/nowhere' }) });
const read = (name: string, ...argv: string[]) => cookbook['cookbook.arguments'].run({ cookbook: name, argv }, call);
const refused = (promise: Promise<unknown>, code: string, text: RegExp) =>
  assert.rejects(promise, (error: OpsError) => {
    assert.deepEqual([error.kind, error.code], ['usage', code]);
    assert.match(error.message, text);
    return true;
  });

test('a re-image takes one host and an operating system', async () => {
  assert.deepEqual(await read('sre.hosts.reimage', 'cloudvirt1001.lab', '--os', 'trixie', '--force', '--no-downtime'), {
    host: 'cloudvirt1001.lab',
    os: 'trixie',
    force: true,
    downtime: false,
    installTimeout: '40m',
  });
});

test('what a re-image cannot take is named, with the way out', async () => {
  const reimage = 'sre.hosts.reimage';
  await refused(read(reimage, 'cloudvirt1001.lab'), 'ARGUMENTS_INVALID', /required option '--os <codename>'/);
  await refused(read(reimage, '--os', 'trixie'), 'ARGUMENTS_INVALID', /missing required argument 'host'/);
  await refused(
    read(reimage, 'cloudvirt[1001-1002].lab', '--os', 'trixie'),
    'ARGUMENTS_INVALID',
    /value 'cloudvirt\[1001-1002\]\.lab' is invalid for argument 'host'\. Expected the name of one host/,
  );
  await refused(
    read(reimage, 'a', '--os', 'trixie', '--install-timeout', 'long'),
    'ARGUMENTS_INVALID',
    /option '--install-timeout <duration>' argument 'long' is invalid\. 'long' is not a length of time/,
  );
  await refused(read(reimage, '--help'), 'ARGUMENTS_INVALID', /help was asked for/);
});

test('a fleet re-image reads its numbers as numbers', async () => {
  const fleet = 'wmcs.openstack.cloudvirt.reimage-fleet';
  assert.deepEqual(await read(fleet, 'cloudvirt[1001-1004].lab', '--os', 'trixie', '--width', '2', '--bake', '1h'), {
    query: 'cloudvirt[1001-1004].lab',
    os: 'trixie',
    width: 2,
    canaries: 1,
    maxFailed: 0,
    bake: '1h',
  });
  for (const width of ['0', '-1', 'two', '1.5'])
    await refused(
      read(fleet, 'a', '--os', 'trixie', `--width=${width}`),
      'ARGUMENTS_INVALID',
      /option '--width <number>' argument '.*' is invalid\. Expected a whole number from 1\./,
    );
});

test('the other cookbooks read what they say', async () => {
  assert.deepEqual(await read('wmcs.toolforge.etcd.add-member', 'tools', 'etcd-4.lab'), {
    cluster: 'tools',
    fqdn: 'etcd-4.lab',
    catchUp: '30m',
  });
  assert.deepEqual(await read('sre.hosts.reboot', 'a,b', '--batch-sleep', '30s'), { query: 'a,b', batchSleep: '30s' });
  assert.deepEqual(await read('examples.disk-space', 'a'), { query: 'a' });
  assert.deepEqual(await read('examples.service-restart', 'a', 'b.service'), { query: 'a', unit: 'b.service' });
});

test('an unknown cookbook and a group are told apart', async () => {
  await refused(read('sre.hosts.reimag'), 'COOKBOOK_UNKNOWN', /did you mean sre\.hosts\.reimage/);
  await refused(read('sre.hosts'), 'COOKBOOK_UNKNOWN', /sre\.hosts is a group of cookbooks/);
});
