import { connect } from 'node:net';

/** Where announcements go: a TCP relay such as tcpircbot, which says them on IRC and, by their prefix, in the SAL. */
export interface Relay {
  host: string;
  /** From 1. */
  port: number;
}

const timeoutMs = 1000;
/** How long to listen for a refusal after everything was sent; relays that close at once end it sooner. */
const graceMs = 250;

/**
 * Hands one message to the relay: one connection over IPv4, UTF-8 without a newline, close (spicerack.md 1.11).
 * Resolves when all bytes and the end are flushed and the relay did not reset the connection.
 * @param claim asked once the relay listens, right before the message is written; false leaves it unsaid
 */
export function sendToRelay({ host, port }: Relay, message: string, claim: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, family: 4, noDelay: true });
    let flushed = false;
    const timer = setTimeout(
      () => end(new Error(`no answer from ${host}:${port} within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const end = (error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.on('error', end);
    socket.on('close', () =>
      end(flushed ? undefined : new Error(`${host}:${port} closed the connection before it took the message`)),
    );
    const speak = () => {
      if (!claim()) {
        end();
        return;
      }
      socket.end(message, () => {
        flushed = true;
        clearTimeout(timer);
        setTimeout(end, graceMs).unref();
      });
    };
    socket.on('connect', speak);
    socket.resume();
  });
}
