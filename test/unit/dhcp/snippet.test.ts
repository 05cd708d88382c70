import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snippet, snippetPath, snippetRun } from '../../../src/dhcp/snippet.ts';

const inventory = { address: '10.0.0.11', mac: '02:AB:00:00:00:0B' };
const options = { run: 'sre.hosts.reimage/cloudvirt1001/7', os: 'trixie', server: '10.0.0.3', token: 'abc123' };

test('a snippet matches the hardware address, and names the run that wrote it', () => {
  assert.deepEqual(snippet('cloudvirt1001.eqiad.wmnet', inventory, options), {
    path: '/etc/dhcp/automation/ttyS1-115200/cloudvirt1001.conf',
    body: `# sumac run sre.hosts.reimage/cloudvirt1001/7
host cloudvirt1001 {
    hardware ethernet 02:ab:00:00:00:0b;
    fixed-address 10.0.0.11;
    filename "http://10.0.0.3/boot?os=trixie&token=abc123";
}
`,
  });
});

test('the run of a snippet is read from its first line only', () => {
  assert.equal(snippetRun('# sumac run a/b/7\nhost x {}\n'), 'a/b/7');
  assert.equal(snippetRun('host x {}\n# sumac run a/b/7\n'), undefined);
  assert.equal(snippetRun(''), undefined);
});

test('an operating system that would break out of the configuration is refused', () => {
  for (const os of ['', 'trixie"; }', 'tri xie', '../x'])
    assert.throws(() => snippet('cloudvirt1001', inventory, { ...options, os }), { code: 'OS_INVALID', kind: 'usage' });
});

test('every spelling of a host has one snippet', () => {
  assert.equal(snippetPath('cloudvirt1001.eqiad.wmnet'), snippetPath('cloudvirt1001'));
});
