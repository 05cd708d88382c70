import ssh2, { type IdentityCallback, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';

/** Those keys of an agent that are wanted. */
export class SomeKeys extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: ssh2.OpenSSHAgent;
  readonly #wanted: (key: Buffer) => boolean;
  readonly #found: (count: number) => void;

  /** @param found told how many there are */
  constructor(socket: string, wanted: (key: Buffer) => boolean, found: (count: number) => void) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socket);
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
