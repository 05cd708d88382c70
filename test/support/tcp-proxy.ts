import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A network between a client and a server on this machine, which can fail. */
export interface TcpProxy {
  port: number;
  /** Connections made so far. */
  connections(): number;
  /** Nothing passes any more, and nobody is told; undone by `false`. */
  freeze(frozen: boolean): void;
  /** Ends every connection, as a firewall that resets. */
  cut(): void;
  /** Each later connection, or the next few, is reset once the server has sent this many bytes. */
  cutAfter(bytes: number, times?: number): void;
  close(): Promise<void>;
}

/** Starts a proxy to a port of this machine. */
export async function startProxy(to: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  let limit = Infinity;
  let left = 0;
  let count = 0;
  const server = createServer((client) => {
    count++;
    const upstream = connect(to, '127.0.0.1');
    let passed = 0;
    const most = left-- > 0 ? limit : Infinity;
    const both = [client, upstream];
    const end = () => both.forEach((socket) => socket.destroy());
    for (const socket of both) sockets.add(socket.on('error', end).on('close', end).setNoDelay(true));
    client.on('data', (data) => {
      if (!frozen) upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => {
      if (frozen) return;
      const room = most - passed;
      passed += data.length;
      if (data.length <= room) client.write(data);
      else client.write(data.subarray(0, room), () => both.forEach((socket) => socket.resetAndDestroy()));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    freeze: (value) => (frozen = value),
    cut: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    cutAfter: (bytes, times = Infinity) => {
      limit = bytes;
      left = times;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
