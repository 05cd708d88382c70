import type { ClientChannel } from 'ssh2';
import { OpsError } from '../model/errors.ts';
import { ChannelFailure } from './channel-failure.ts';
import { unreachable } from './connect.ts';
import type { Connection } from './connection.ts';
import { type KeptShell, newEnd } from './kept-shell.ts';
import { type Exit, type Job, serve } from './serve.ts';
import type { Target } from './target.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * Runs a job in a channel of its own, in which a shell is kept afterwards when it is time for one.
 * @param patienceMs how long the host may take to open it
 * @param done called once the channel is no more, or there was none
 * @throws {@link ChannelFailure}; the signal's reason; what is wrong with the command
 */
export async function inChannel(
  connection: Connection,
  job: Job,
  patienceMs: number,
  done: () => void = () => undefined,
): Promise<Exit> {
  const { kept } = job;
  if (!kept || !connection.startsShell()) return served(() => connection.start(job.command, patienceMs), job, done);
  const end = newEnd();
  const open = () => connection.start(kept.start(end), patienceMs);
  try {
    return await served(open, job, done, (channel) => connection.keepShell(channel).attempt(job, end));
  } catch (error) {
    connection.noShell();
    throw error;
  }
}

/** Runs a job by a kept shell. @throws see {@link lost}; the signal's reason; what is wrong with the command */
export async function byShell(target: Target, shell: KeptShell, job: Job): Promise<Exit> {
  const end = newEnd();
  try {
    const text = job.kept?.next(end);
    job.onSend?.();
    return await shell.attempt(job, end, text);
  } catch (error) {
    shell.close();
    throw error instanceof ChannelFailure ? lost(target, error) : error;
  }
}

/** The kept shell of a connection, if there is one and it answers. @throws the signal's reason */
export async function keptShell(connection: Connection, signal: AbortSignal): Promise<KeptShell | undefined> {
  const asked = connection.shell();
  try {
    return await unlessAborted(asked, signal);
  } catch (error) {
    void asked.then((shell) => shell?.close());
    throw error;
  }
}

/** CONNECTION_LOST of kind unknown when the command may have run, else UNREACHABLE. */
export function lost(target: Target, failure: ChannelFailure): OpsError {
  if (failure.reason !== 'lost') return unreachable(target, failure.message, failure);
  return new OpsError(
    'unknown',
    'CONNECTION_LOST',
    `${target.host}: the connection was lost before the command had ended`,
    { host: target.host },
    failure,
  );
}

/** @param open throws at once what is wrong with the command */
async function served(
  open: () => Promise<ClientChannel>,
  job: Job,
  done: () => void,
  see: (channel: ClientChannel) => Promise<Exit> = (channel) => serve(channel, job),
): Promise<Exit> {
  let opening: Promise<ClientChannel>;
  try {
    opening = open();
  } catch (error) {
    done();
    throw error;
  }
  opening.then((channel) => channel.once('close', done)).catch(done);
  let channel: ClientChannel;
  try {
    channel = await unlessAborted(opening, job.signal);
  } catch (error) {
    if (!(error instanceof ChannelFailure)) opening.then(drop).catch(() => undefined);
    if (!(error instanceof ChannelFailure) || error.reason === 'lost') job.onSend?.();
    throw error;
  }
  job.onSend?.();
  return see(channel);
}

// Its end is only seen once everything before it has been read.
function drop(channel: ClientChannel): void {
  channel.stderr.resume();
  channel.resume().close();
}
