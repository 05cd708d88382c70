import { expand, fold, sorted } from '../model/host-set.ts';

/** Adapter over the functions of the model until its class is there. */
export class HostSet implements Iterable<string> {
  readonly #names: string[];
  private constructor(names: Iterable<string>) {
    this.#names = sorted(names);
  }
  static of(names: Iterable<string>): HostSet {
    return new HostSet(names);
  }
  static parse(expression: string): HostSet {
    const [first = '', ...rest] = expression.split(/([!&^])(?![^[]*\])/);
    const plain = (text: string) =>
      new HostSet(
        expand(text.replaceAll('*', '.-.s.-.').replaceAll('?', '.-.q.-.')).map((name) =>
          name.replaceAll('.-.s.-.', '*').replaceAll('.-.q.-.', '?'),
        ),
      );
    let set = plain(first);
    for (let i = 0; i < rest.length; i += 2) {
      const [by, text = ''] = rest.slice(i);
      const [next = '', ...more] = text.split(/,(?![^[]*\])/);
      const other = plain(next);
      set = by === '!' ? set.difference(other) : by === '&' ? set.intersection(other) : set.symmetricDifference(other);
      if (more.length > 0) set = set.union(plain(more.join()));
    }
    return set;
  }
  get size(): number {
    return this.#names.length;
  }
  toString(): string {
    return fold(this.#names);
  }
  [Symbol.iterator](): Iterator<string> {
    return this.#names[Symbol.iterator]();
  }
  union(other: HostSet): HostSet {
    return new HostSet([...this, ...other]);
  }
  intersection(other: HostSet): HostSet {
    const theirs = new Set(other);
    return new HostSet(this.#names.filter((name) => theirs.has(name)));
  }
  difference(other: HostSet): HostSet {
    const theirs = new Set(other);
    return new HostSet(this.#names.filter((name) => !theirs.has(name)));
  }
  symmetricDifference(other: HostSet): HostSet {
    return this.difference(other).union(other.difference(this));
  }
}
