import type { Etcd3, ICompare, IOptions, IRequestOp } from 'etcd3';
import { OpsError, messageOf, type ErrorKind } from '../model/errors.ts';
import { after } from '../timer.ts';
import { callTimeoutMs, etcdOptions, type EtcdConfig } from './etcd-options.ts';
import { Lifetimes, type Life } from './lifetimes.ts';
import { membersOf } from './members.ts';
import { foundIn, rangeOf, type Entry } from './requests.ts';

/** Outcome of a transaction: at which revision, and what its reads found. */
export interface Outcome {
  succeeded: boolean;
  revision: string;
  found: Entry[][];
}

/** What etcd, or the way to it, refuses for good, and what to look at. */
const refusals: [RegExp, string][] = [
  [/permission denied/, "grant the role of etcd.username 'readwrite' on the prefixes /spicerack/ and /sumac/"],
  [
    /authentication failed|invalid auth token|user name|authentication is not enabled/,
    'see etcd.username and etcd.password_file',
  ],
  [/certificate|ERR_TLS|\balert\b/i, 'see etcd.ca_cert, etcd.cert and etcd.key'],
];

/** Whether the cluster has spoken: no other member would say anything else. One that has lost the others is passed over. */
const isAnswer = (text: string): boolean =>
  text.includes('etcdserver: ') && !/no leader|leader changed|timed out|stopped|unhealthy|not ready/.test(text);

/**
 * etcd v3 as far as locks need it: transactions, leases and watches, and nothing that goes on by itself.
 * @throws ETCD_UNAVAILABLE (transient), ETCD_REFUSED from each method
 */
export class Etcd {
  /** How long a lock is waited for, as configured; default 1755, about half an hour as in the original. */
  readonly waitSeconds: number;
  readonly #config: EtcdConfig;
  #members: readonly string[] = [];
  readonly #options: Omit<IOptions, 'hosts'>;
  #opened: Promise<Etcd3[]> | undefined;
  readonly #lives = new Lifetimes();
  // Workers spread over the members, and each stays with one until it fails.
  #current = Math.floor(Math.random() * 1000);

  /** Connects when it is first used. @throws ETCD_CONFIG_UNREADABLE */
  constructor(config: EtcdConfig) {
    this.#config = config;
    this.waitSeconds = config.wait_seconds ?? 1755;
    this.#options = etcdOptions(config);
  }

  // A client for each member: with several, the library fails over for plain requests only, not for renewals and watches.
  // It takes a quarter of a second to load.
  async #client(): Promise<Etcd3> {
    this.#opened ??= this.#open();
    let clients: Etcd3[];
    try {
      clients = await this.#opened;
    } catch (error) {
      this.#opened = undefined; // the next one asks the name servers again
      throw this.#failure('transient', 'ETCD_UNAVAILABLE', messageOf(error), error);
    }
    const client = clients[this.#current % clients.length];
    if (!client) throw new OpsError('usage', 'ETCD_CONFIG_UNREADABLE', 'etcd.hosts: is empty');
    return client;
  }

  async #open(): Promise<Etcd3[]> {
    this.#members = await membersOf(this.#config);
    const { Etcd3: Client } = await import('etcd3');
    return this.#members.map((hosts) => new Client({ ...this.#options, hosts }));
  }

  async transact(compare: ICompare[], success: IRequestOp[], failure: IRequestOp[] = []): Promise<Outcome> {
    const answer = await this.#asked((client) => client.kv.txn({ compare, success, failure }));
    return { succeeded: answer.succeeded, revision: answer.header.revision, found: answer.responses.flatMap(foundIn) };
  }

  /** A new lease. @param ttlSeconds rounded up; etcd raises it to two seconds or so */
  async grant(ttlSeconds: number): Promise<string> {
    return this.#asked(async (client) => {
      const asked = performance.now();
      const { ID, TTL } = await client.leaseClient.leaseGrant({ TTL: Math.ceil(ttlSeconds) });
      this.#lives.note(ID, asked, Number(TTL));
      return ID;
    });
  }

  /** Ends a lease and deletes its keys. @returns whether there was one */
  async revoke(lease: string): Promise<boolean> {
    this.#lives.note(lease, 0, 0);
    let found = true;
    try {
      await this.#asked((client) => client.leaseClient.leaseRevoke({ ID: lease }));
    } catch (error) {
      if (!messageOf(error).includes('requested lease not found')) throw error;
      found = false;
    }
    this.#lives.end(lease);
    return found;
  }

  /** Gives a lease its full time again. @returns seconds it now has, 0 when etcd does not know it */
  async renew(lease: string): Promise<number> {
    return this.#asked(async (client) => {
      const asked = performance.now();
      const stream = await client.leaseClient.leaseKeepAlive({ deadline: Date.now() + callTimeoutMs });
      try {
        const seconds = await new Promise<number>((resolve, reject) => {
          stream.on('data', ({ TTL }) => resolve(Number(TTL)));
          stream.on('error', reject);
          stream.on('end', () => reject(new Error('the stream ended')));
          stream.write({ ID: lease });
        });
        this.#lives.note(lease, asked, seconds);
        return seconds;
      } finally {
        stream.end();
      }
    });
  }

  /** What is known here of a lease without asking: reckoned from when its last renewal was asked for, by this process. */
  lifeOf(lease: string): Life {
    return this.#lives.of(lease);
  }

  /** What was under a lease is gone: from now on it counts as over here, although etcd may still know it. */
  forget(lease: string): void {
    this.#lives.end(lease);
  }

  /** Seconds a lease has left, 0 when etcd does not know it. */
  async timeToLive(lease: string): Promise<number> {
    const { TTL } = await this.#asked((client) => client.leaseClient.leaseTimeToLive({ ID: lease }));
    return Math.max(0, Number(TTL));
  }

  /**
   * Waits until something at or below a key changes after `revision`, at most `ms`. May return early: look again.
   * @throws the reason of `signal` once it is aborted
   */
  async changed(key: string, revision: string, ms: number, signal: AbortSignal): Promise<void> {
    const stream = await this.#asked((client) => client.watchClient.watch());
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      let cancel = after(ms, done);
      // The caller looks again and finds out whether etcd is away; half a second keeps it from doing so in a tight loop.
      const broken = () => {
        cancel();
        cancel = after(Math.min(ms, 500), done);
      };
      signal.addEventListener('abort', done);
      stream.on('data', ({ created, canceled, events }) => {
        if (canceled) broken();
        else if (!created || events.length > 0) done();
      });
      stream.on('error', broken);
      stream.on('end', broken);
      stream.write({ create_request: { ...rangeOf(key), start_revision: (BigInt(revision) + 1n).toString() } });
      if (signal.aborted) done();
    });
    // Ended before it is cancelled: the client would take the cancellation for a broken host.
    stream.end();
    stream.cancel();
    signal.throwIfAborted();
  }

  async close(): Promise<void> {
    for (const client of (await this.#opened?.catch(() => [])) ?? []) client.close();
  }

  /** Asks one member after the other, and the first again, until one answers. */
  async #asked<T>(body: (client: Etcd3) => Promise<T>): Promise<T> {
    for (let left: number | undefined; ; left--) {
      const client = await this.#client();
      const asked = this.#current;
      left ??= this.#members.length;
      try {
        return await body(client);
      } catch (error) {
        const text = messageOf(error)
          .replace(/^\w*Error: /, '')
          .replace(/\s+/g, ' ')
          .trim();
        const wayOut = refusals.find(([refusal]) => refusal.test(text))?.[1];
        const final = left <= 0 || isAnswer(text);
        if (wayOut !== undefined && final) throw this.#failure('failed', 'ETCD_REFUSED', `${text}; ${wayOut}`, error);
        if (final) throw this.#failure('transient', 'ETCD_UNAVAILABLE', text, error);
        // Of several that fail there, one turns to the next.
        if (this.#current === asked) this.#current++;
      }
    }
  }

  #failure(kind: ErrorKind, code: string, text: string, cause: unknown): OpsError {
    return new OpsError(
      kind,
      code,
      `etcd ${this.#members.join(', ') || (this.#config.srv_domain ?? '')}: ${text}`,
      {},
      cause,
    );
  }
}
