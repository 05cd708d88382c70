import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { fingerprint, keyType, keysOf, knownName, parseKnownHosts } from '../../../src/remote/known-hosts.ts';

const key = (filler: string, type = 'ssh-ed25519') => {
  const name = Buffer.from(type);
  const body = Buffer.alloc(32, filler);
  const length = (bytes: Buffer) => {
    const four = Buffer.alloc(4);
    four.writeUInt32BE(bytes.length);
    return four;
  };
  return Buffer.concat([length(name), name, length(body), body]).toString('base64');
};
const [a, b] = [key('a'), key('b')];
const lineOf = (text: string, name: string) =>
  keysOf(parseKnownHosts(text, 'f'), name).map(({ line, marker }) => [line, ...(marker ? [marker] : [])]);

test('names, lists, comments and empty lines', () => {
  const text = `# one\n\nhost1,HOST2.example ssh-ed25519 ${a} comment here\n  host3\tssh-ed25519\t${b}\n`;
  assert.deepEqual(lineOf(text, 'host1'), [[3]]);
  assert.deepEqual(lineOf(text, 'host2.example'), [[3]]);
  assert.deepEqual(lineOf(text, 'host3'), [[4]]);
  assert.deepEqual(lineOf(text, 'host'), []);
});

test('lines that are none are left out, and keep the others', () => {
  const lines = [
    'host1',
    'host1 ssh-ed25519',
    `host1 ssh-rsa ${a}`,
    'host1 ssh-ed25519 %%%',
    `@cert-authority host1 ssh-rsa ${a}`,
  ];
  assert.deepEqual(lineOf([...lines, `host1 ssh-ed25519 ${a}`].join('\n'), 'host1'), [[6]]);
  assert.deepEqual(lineOf('', 'host1'), []);
});

test('markers are read: revoked keys bar, those of certificate authorities are told apart', () => {
  const text = `@revoked * ssh-ed25519 ${a}\n@cert-authority *.lab ssh-ed25519 ${b}\n`;
  assert.deepEqual(lineOf(text, 'any.lab'), [
    [1, 'revoked'],
    [2, 'cert-authority'],
  ]);
});

test('a line with a marker that cannot be read may bar any key of its hosts, and is not left out', () => {
  const text = `@revoked host1 ssh-ed25519 %%%\n@revokd host2 ssh-ed25519 ${a}\n@revoked\n`;
  assert.deepEqual(lineOf(text, 'host1'), [
    [1, 'revoked'],
    [3, 'revoked'],
  ]);
  assert.deepEqual(lineOf(text, 'host2').length, 2);
  assert.equal(keysOf(parseKnownHosts(text, 'f'), 'host2')[0]?.unreadable, true);
});

test('patterns and negations', () => {
  const text = `*.lab,!bad.lab ssh-ed25519 ${a}\n10.0.0.? ssh-ed25519 ${b}\n`;
  assert.deepEqual(lineOf(text, 'good.lab'), [[1]]);
  assert.deepEqual(lineOf(text, 'bad.lab'), []);
  assert.deepEqual(lineOf(text, '10.0.0.7'), [[2]]);
  assert.deepEqual(lineOf(text, '10.0.0.77'), []);
  assert.deepEqual(lineOf(text, '10x0x0x7'), []);
});

test('hashed names', () => {
  const salt = Buffer.alloc(20, 7);
  const hashed = (name: string) =>
    `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
  const text = `${hashed('host1')} ssh-ed25519 ${a}\n${hashed('[host1]:2222')} ssh-ed25519 ${b}\n|9|x|y ssh-ed25519 ${a}\n`;
  assert.deepEqual(lineOf(text, knownName('Host1', 22)), [[1]]);
  assert.deepEqual(lineOf(text, knownName('host1', 2222)), [[2]]);
  assert.deepEqual(lineOf(text, 'host2'), []);
});

test('a key names its own type, and has the fingerprint that ssh-keygen prints', () => {
  // Printed by `ssh-keygen -lf`.
  assert.equal(keyType(Buffer.from(a, 'base64')), 'ssh-ed25519');
  assert.equal(fingerprint(Buffer.from(a, 'base64')), 'SHA256:TGIk2D1DFZBKmjWssB2+Qdiona/OUK1TSuWAAHMK+n0');
  assert.notEqual(keyType(Buffer.from('no key')), 'ssh-ed25519');
  assert.equal(keyType(Buffer.alloc(0)), '');
});
