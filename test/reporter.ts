import { spec as Spec } from 'node:test/reporters';

interface Event {
  type: string;
  data: { message?: string; nesting?: number; skip?: string | boolean };
}

/** Node's own report, with the reasons of what was skipped counted before its summary. */
export default async function* report(source: AsyncIterable<Event>): AsyncGenerator<string> {
  const spec = new Spec();
  const skipped = new Map<string, number>();
  for await (const event of source) {
    const { type, data } = event;
    if (type === 'test:pass' && data.skip) {
      const reason = typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    }
    if (type === 'test:diagnostic' && data.nesting === 0 && /^tests \d+$/.test(data.message ?? ''))
      for (const [reason, count] of skipped) yield `skipped ${count}: ${reason}\n`;
    spec.write(event);
    for (let text = read(spec); text !== null; text = read(spec)) yield text;
  }
  spec.end();
  for await (const text of spec as AsyncIterable<Buffer>) yield text.toString();
}

const read = (from: { read(): unknown }): string | null => (from.read() as Buffer | null)?.toString() ?? null;
