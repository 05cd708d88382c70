/**
 * Where no attempt before this one can have started a command. In a batch hosts are taken in their order: an earlier attempt that
 * had come to a host had taken all those before it, of which no more were under way than fit, or had failed than may. So once this
 * attempt was the first to start a command on as many hosts, no earlier one had come further.
 */
export class Firsts {
  readonly #enough: number;
  readonly #first = new Map<string, number>();
  readonly #sure = new Map<string, number>();

  /** @param enough on so many hosts, or never */
  constructor(enough: number) {
    this.#enough = enough;
  }

  /** A host's turn with a command has come, which is its first in this attempt. */
  turn(host: string, command: number): void {
    if (this.#first.size >= this.#enough && !this.#sure.has(host)) this.#sure.set(host, command);
  }

  /** This attempt has started a command that none before it had. */
  started(host: string, command: number): void {
    if (!this.#first.has(host)) this.#first.set(host, command);
  }

  /** Whether no earlier attempt can have started the command. */
  isSure(host: string, command: number): boolean {
    return command >= (this.#sure.get(host) ?? Infinity) || command > (this.#first.get(host) ?? Infinity);
  }
}
