import { log } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import { etcdMarks, fileMarks, type Marks } from '../src/announce/marks.ts';
import { messageFor } from '../src/announce/message.ts';
import { sendToRelay, type Relay } from '../src/announce/relay.ts';
import { messageOf } from '../src/model/errors.ts';
import { create, type Call } from './define.ts';

/** What to announce. */
export interface Announcement {
  /** One line; cut so that the whole message stays within 400 bytes. */
  text: string;
  /** A nudge that input is awaited: only where `user_input_notifications_enabled` is set. */
  userInput?: boolean;
}

/** Whether it was announced, now or by an earlier attempt, and if not, why. */
export interface Announced {
  sent: boolean;
  reason?: string;
}

const tries = 3;
const pauseMs = 500;

/**
 * Announces once: once the relay listens, a mark under the call's token is made and the message written right after it, so
 * that every further attempt is silent. Only a worker killed in the microseconds between leaves it unsaid. With the place of
 * the marks away it is said all the same. A relay that is away costs up to 4 s and a warning, never the run.
 */
async function announce(channel: 'sal' | 'irc', { text, userInput }: Announcement, call: Call): Promise<Announced> {
  const { config, etcd } = call.deps;
  if (call.context.dryRun) return { sent: false, reason: 'dry run' };
  const relay = relayOf(call);
  if (!relay) return { sent: false, reason: 'tcpircbot_host and tcpircbot_port are not configured' };
  if (userInput === true && !config.user_input_notifications_enabled)
    return { sent: false, reason: 'user_input_notifications_enabled is off' };
  const marks = etcd ? etcdMarks(etcd) : fileMarks(config.state_dir);
  if (await isMarked(marks, call)) return { sent: true };
  const failure = await trySending(relay, messageFor(channel, call.context, text), marks, call);
  if (failure === undefined) return { sent: true };
  const reason = `relay ${relay.host}:${relay.port}: ${failure}`;
  log.warn(`not announced: ${text}: ${reason}`);
  return { sent: false, reason };
}

function relayOf({ deps: { config } }: Call): Relay | undefined {
  const { tcpircbot_host: host = '', tcpircbot_port: port } = config;
  return host === '' || port === 0 ? undefined : { host, port };
}

async function isMarked(marks: Marks, { token }: Call): Promise<boolean> {
  try {
    return await marks.has(token);
  } catch (error) {
    log.warn(`cannot look whether it was announced before: ${messageOf(error)}`);
    return false;
  }
}

/** @returns why it failed, nothing when it was sent, now or before */
async function trySending(
  relay: Relay,
  message: string,
  marks: Marks,
  { signal, token }: Call,
): Promise<string | undefined> {
  for (let left = tries; ;) {
    signal.throwIfAborted();
    const asked: Promise<boolean>[] = [];
    const claim = async () => {
      const claimed = marks.claim(token);
      asked.push(claimed);
      try {
        return await claimed;
      } catch (error) {
        log.warn(`announced without a mark: ${messageOf(error)}`);
        return true;
      }
    };
    try {
      await sendToRelay(relay, message, claim);
      return undefined;
    } catch (error) {
      // A claim may come through after the relay was given up; left alone, it would silence the next try.
      if (await asked[0]?.catch(() => false)) await marks.release(token).catch(() => undefined);
      if (--left === 0) return messageOf(error);
      await sleep(pauseMs);
    }
  }
}

export const announcements = {
  /** Writes `!log USER@HOST TEXT`: the server admin log. */
  'announce.sal': create((input: Announcement, call) => announce('sal', input, call)),
  /** Writes `USER@HOST TEXT`: the channel alone. */
  'announce.irc': create((input: Announcement, call) => announce('irc', input, call)),
};
