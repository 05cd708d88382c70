import type { IdentityCallback, OpenSSHAgent, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';
import agents from 'ssh2/lib/agent.js';

/** Those keys of an agent that are wanted. */
export class SomeKeys extends agents.BaseAgent<ParsedKey> {
  readonly #agent: OpenSSHAgent;
  readonly #wanted: (key: Buffer) => boolean;
  readonly #found: (count: number) => void;

  /** @param found told how many there are */
  constructor(socket: string, wanted: (key: Buffer) => boolean, found: (count: number) => void) {
    super();
    this.#agent = new agents.OpenSSHAgent(socket);
    this.#wanted = wanted;
    this.#found = found;
  }

  getIdentities(done: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, all) => {
      const keys = all
        ?.map((each) => ('pubKey' in each ? (each.pubKey as ParsedKey) : each))
        .filter((key) => this.#wanted(key.getPublicSSH()));
      if (keys) this.#found(keys.length);
      done(error, keys);
    });
  }

  sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions | SignCallback, done?: SignCallback): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}
