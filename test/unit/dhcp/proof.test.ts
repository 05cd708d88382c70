import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proofPath, verifiedProof } from '../../../src/dhcp/proof.ts';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1cG9vcGxlIHJlYWQgdGhpcyBmb3Igc29tZSByZWFz';
const proof = { token: 'f00d', os: 'trixie', hostKey };

test('a proof counts only with the token of this run', () => {
  assert.deepEqual(verifiedProof(JSON.stringify(proof), 'f00d'), proof);
  assert.equal(verifiedProof(JSON.stringify(proof), 'f00e'), undefined);
  assert.equal(verifiedProof(JSON.stringify(proof), ''), undefined);
});

test('half a proof, or one with a key that is none, is no proof', () => {
  assert.equal(verifiedProof('{"token":"f00d","os":"tri', 'f00d'), undefined);
  assert.equal(verifiedProof(JSON.stringify({ ...proof, hostKey: `${hostKey}\n* ssh-rsa AAAA` }), 'f00d'), undefined);
  assert.equal(verifiedProof(JSON.stringify({ token: 'f00d' }), 'f00d'), undefined);
  assert.equal(verifiedProof('null', 'f00d'), undefined);
});

test('proofs lie on the install server by short name', () => {
  assert.equal(proofPath('cloudvirt1001.lab'), '/srv/autoinstall/proofs/cloudvirt1001.json');
});
