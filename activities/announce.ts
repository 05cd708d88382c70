import { log } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdMarks, FileMarks } from '../src/announce/marks.ts';
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
 * Announces once: a mark in a file is made and the message written right after it, in one go, so that every further attempt
 * on this machine is silent; only a worker killed in the microseconds between leaves it unsaid. Other machines learn it from
 * etcd; one that takes over in the milliseconds before it is there says it again. With the place of the marks away it is
 * said all the same. A relay that is away costs up to 4 s and a warning, never the run.
 */
async function announce(channel: 'sal' | 'irc', { text, userInput }: Announcement, call: Call): Promise<Announced> {
  const { config } = call.deps;
  if (call.context.dryRun) return { sent: false, reason: 'dry run' };
  const relay = relayOf(call);
  if (!relay) return { sent: false, reason: 'tcpircbot_host and tcpircbot_port are not configured' };
  if (userInput === true && !config.user_input_notifications_enabled)
    return { sent: false, reason: 'user_input_notifications_enabled is off' };
  const said = new Said(call);
  if (await said.before()) return { sent: true };
  const failure = await trySending(relay, messageFor(channel, call.context, text), said, call.signal);
  if (failure === undefined) return { sent: true };
  const reason = `relay ${relay.host}:${relay.port}: ${failure}`;
  log.warn(`not announced: ${text}: ${reason}`);
  return { sent: false, reason };
}

function relayOf({ deps: { config } }: Call): Relay | undefined {
  const { tcpircbot_host: host = '', tcpircbot_port: port } = config;
  return host === '' || port === 0 ? undefined : { host, port };
}

/** Whether one announcement was made: on this machine, and for the others. */
class Said {
  readonly #token: string;
  readonly #here: FileMarks;
  readonly #everywhere: EtcdMarks | undefined;
  #claimed = false;
  #told: Promise<void> | undefined;

  constructor({ deps: { config, etcd }, token }: Call) {
    this.#token = token;
    this.#here = new FileMarks(config.state_dir);
    this.#everywhere = etcd && new EtcdMarks(etcd);
  }

  async before(): Promise<boolean> {
    if (await this.#here.has(this.#token)) return true;
    try {
      return (await this.#everywhere?.has(this.#token)) ?? false;
    } catch (error) {
      log.warn(`cannot look whether it was announced before: ${messageOf(error)}`);
      return false;
    }
  }

  /** Called right before the message is written; false when it is not to be. */
  claim(): boolean {
    try {
      if (!this.#here.claim(this.#token)) return false;
    } catch (error) {
      log.warn(`announced without a mark: ${messageOf(error)}`);
    }
    this.#claimed = true;
    this.#told = this.#everywhere?.set(this.#token);
    this.#told?.catch(() => undefined);
    return true;
  }

  /** Waits until the other machines know, too. */
  async done(): Promise<void> {
    try {
      await this.#told;
    } catch (error) {
      log.warn(`announced, and other workers were not told: ${messageOf(error)}`);
    }
  }

  /** The relay did not take it. */
  async not(): Promise<void> {
    if (!this.#claimed) return;
    this.#claimed = false;
    this.#here.release(this.#token);
    await this.#told?.catch(() => undefined);
    await this.#everywhere?.release(this.#token).catch(() => undefined);
  }
}

/** @returns why it failed, nothing when it was sent, now or before */
async function trySending(relay: Relay, message: string, said: Said, signal: AbortSignal): Promise<string | undefined> {
  for (let left = tries; ;) {
    signal.throwIfAborted();
    try {
      await sendToRelay(relay, message, () => said.claim());
      await said.done();
      return undefined;
    } catch (error) {
      await said.not();
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
