import type { ClientChannel } from 'ssh2';
import type { Readable } from 'node:stream';
import { ChannelFailure } from './channel-failure.ts';
import { haveRead } from './garbage.ts';

/** A command for a host, and what is done with what it says. */
export interface Job {
  /** As handed to the login shell of the user on the host. */
  command: string;
  stdin?: string | Buffer | (() => Readable) | undefined;
  /** Of a journalled command: keeps standard input open, and sends a line every second. */
  pulse?: boolean;
  /** How a shell that is kept makes the same attempt: the command that starts it, or what one that runs reads. */
  kept?: { start: (end: string) => string; next: (end: string) => string } | undefined;
  /** Does not wait for a channel: takes a connection of its own when none is free. */
  urgent?: boolean;
  /** Called when the command may have reached the host. */
  onSend?: () => void;
  /** A promise holds up the host until it is settled. */
  onOutput: (chunk: Buffer) => Promise<void> | undefined;
  /** What the command says on its standard error. */
  onNotes: (text: string) => void;
  /** Closes the channel; the command on the host is left alone. */
  signal: AbortSignal;
}

/** How a command's channel ended. */
export interface Exit {
  code: number | null;
  /** For example `SIGKILL`. */
  signal?: string;
}

/** How often what a journalled command has said is passed on. */
export const pulseMs = 1000;

/** Sees a command through in the channel in which it was started. */
export function serve(channel: ClientChannel, job: Job): Promise<Exit> {
  return new Promise((resolve, reject) => {
    let exit: Exit | undefined;
    let open = 2;
    const pulse = job.pulse
      ? setInterval(() => {
          if (channel.writable) channel.write('\n');
        }, pulseMs)
      : undefined;
    const input = typeof job.stdin === 'function' ? job.stdin() : undefined;
    const end = () => {
      clearInterval(pulse);
      input?.destroy();
      job.signal.removeEventListener('abort', abort);
    };
    const fail = (error: Error) => {
      end();
      reject(error);
      // What is still on its way is read and dropped: the channel's place is free once its end has come.
      channel.removeAllListeners('data').resume();
      channel.close();
    };
    const abort = () => fail(job.signal.reason as Error);
    const ended = () => {
      if (--open > 0) return;
      end();
      if (exit) resolve(exit);
      else reject(new ChannelFailure('lost', 'the connection was lost'));
    };
    channel.on('data', (chunk: Buffer) => {
      haveRead(chunk.length);
      let busy: Promise<void> | undefined;
      try {
        busy = job.onOutput(chunk);
      } catch (error) {
        fail(error as Error);
      }
      if (!busy) return;
      channel.pause();
      busy.then(() => channel.resume(), fail);
    });
    channel.stderr.setEncoding('utf8').on('data', job.onNotes);
    channel.stderr.on('end', ended);
    // The 'exit' event may have come before anyone listened; 'close' comes after all output has been read.
    channel.on('close', (code?: number | null, signal?: string) => {
      if (code !== undefined) exit = { code, ...(signal !== undefined && { signal }) };
      ended();
    });
    // An error here is one of the connection, which 'close' tells of.
    channel.on('error', () => undefined);
    if (job.signal.aborted) {
      abort();
      return;
    }
    job.signal.addEventListener('abort', abort, { once: true });
    if (typeof job.stdin === 'function') input?.on('error', fail).pipe(channel);
    else if (!job.pulse) channel.end(job.stdin ?? '');
    else if (job.stdin !== undefined) channel.write(job.stdin);
  });
}
