import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** One SRV record of a name. */
interface Srv {
  priority: number;
  port: number;
  target: string;
}

/**
 * A name server of SRV records on 127.0.0.1: no real one is among the programs the tests may ask for. It speaks the
 * protocol to Node's own resolver (RFC 1035, RFC 2782) and knows no name but those of `records`.
 */
export async function startNameServer() {
  const records = new Map<string, Srv[]>();
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, end } = readName(query, 12);
    const found = records.get(name.toLowerCase()) ?? [];
    const question = query.subarray(12, end + 4);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(found.length > 0 ? 0x8580 : 0x8583, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    socket.send(Buffer.concat([header, question, ...found.map(recordOf)]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    records,
    async close(): Promise<void> {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function readName(message: Buffer, at: number): { name: string; end: number } {
  const labels: string[] = [];
  let end = at;
  for (let length = message[end] ?? 0; length > 0; length = message[end] ?? 0) {
    labels.push(message.subarray(end + 1, end + 1 + length).toString('latin1'));
    end += 1 + length;
  }
  return { name: labels.join('.'), end: end + 1 };
}

function recordOf({ priority, port, target }: Srv): Buffer {
  const labels = target.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const name = Buffer.concat([...labels, Buffer.from([0])]);
  // Name of the question, SRV, IN, a minute, then priority, weight, port and target.
  const head = Buffer.from([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(6 + name.length, 10);
  head.writeUInt16BE(priority, 12);
  head.writeUInt16BE(port, 16);
  return Buffer.concat([head, name]);
}
