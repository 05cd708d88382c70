import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP relay like tcpircbot: one message a connection, until its end. */
export class TestRelay {
  /** Messages as they came, byte for byte. */
  readonly messages: string[] = [];
  connections = 0;
  /** Whether it resets each connection instead of reading it. */
  refuses = false;
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * @param behave what is done with a connection instead of reading it to its end and closing it
   * @param port to listen on, 0 for a free one
   */
  static async start(behave?: (socket: Socket, count: number) => void, port = 0): Promise<TestRelay> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const relay = new TestRelay(server, (server.address() as AddressInfo).port);
    server.on('connection', (socket) => {
      relay.connections++;
      socket.on('error', () => undefined);
      if (relay.refuses) socket.resetAndDestroy();
      else if (behave) behave(socket, relay.connections);
      else relay.take(socket);
    });
    return relay;
  }

  /** Reads one message. */
  take(socket: Socket): void {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => this.messages.push(Buffer.concat(chunks).toString()));
  }

  async stop(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}
