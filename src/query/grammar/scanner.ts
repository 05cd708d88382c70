/** A text is not of a grammar: what was expected, and where. Another grammar may still take it. */
export class NotParsed extends Error {
  /** Index of the character, from 0, in the whole query. */
  readonly at: number;

  constructor(what: string, at: number) {
    super(what);
    this.at = at;
  }
}

/** Reads a part of a query from left to right. */
export class Scanner {
  readonly text: string;
  /** Where the next character is. */
  at: number;
  readonly #end: number;

  constructor(text: string, from = 0, end = text.length) {
    this.text = text;
    this.at = from;
    this.#end = end;
  }

  /** Passes over blanks. */
  blanks(): void {
    this.take(/[ \t\r\n]*/y);
  }

  /** Takes what matches right here; nothing when that is elsewhere or empty. */
  take(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text.slice(0, this.#end))?.[0];
    if (!found) return undefined;
    this.at += found.length;
    return found;
  }

  /** A scanner for what lies between here and there, which this one passes over. */
  inner(end: number): Scanner {
    const inner = new Scanner(this.text, this.at, end);
    this.at = end;
    return inner;
  }

  /** The text up to the end of this part. */
  rest(): string {
    return this.text.slice(this.at, this.#end);
  }

  /** @throws NotParsed unless everything has been read */
  finish(): void {
    this.blanks();
    if (this.at < this.#end) throw this.expected('the end of the query');
  }

  /** The error that something else should be here. */
  expected(what: string): NotParsed {
    const [word] = /^(?:[\w.-]+|.?)/su.exec(this.rest()) ?? [''];
    return new NotParsed(`${what} expected, not ${word === '' ? 'the end' : `'${word}'`}`, this.at);
  }
}
