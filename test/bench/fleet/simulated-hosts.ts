/** simulated-hosts.ts LAB_DIRECTORY: hosts that run no command and say that it succeeded; prints its port. In a process of its own. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';

const [dir = ''] = process.argv.slice(2);
const read = (name: string) => readFileSync(join(dir, name));
const accepted = ssh2.utils.parseKey(read('client.pub')) as ParsedKey;
const server = new ssh2.Server({ hostKeys: [read('host_key')] }, (client) => {
  client
    .on('authentication', (context) => {
      if (context.method !== 'publickey' || !context.key.data.equals(accepted.getPublicSSH())) context.reject();
      else if (
        context.signature &&
        !accepted.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo)
      )
        context.reject();
      else context.accept();
    })
    .on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const channel = acceptExec();
        channel.write('\x1esumac\x1e\n');
        channel.exit(0);
        channel.end();
      });
    })
    .on('error', () => undefined);
});
// On every address of the loopback network.
server.listen(0, '0.0.0.0', () => console.log((server.address() as AddressInfo).port));
