import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../src/config/schema.ts';
import { type Transport, jobOf } from './transport-contract.ts';

/**
 * Nothing but a transport and a host that prints; says by how much the process has grown.
 * @param how `gigabyte`, `gigabyte with input` or `held up`
 */
async function main(module = '', config = '', how = ''): Promise<void> {
  const { transport: make } = (await import(module)) as { transport: (config: Config) => Transport };
  const transport = make(JSON.parse(readFileSync(config, 'utf8')) as Config);
  // Code and buffers that any output needs.
  await transport.exec('alpha', jobOf('head -c 16M /dev/zero', { onOutput: () => undefined }));
  const before = process.memoryUsage().rss;
  let [bytes, most] = [0, before];
  const sample = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
  const controller = new AbortController();
  const onOutput = (chunk: Buffer) => {
    bytes += chunk.length;
    if (how !== 'held up') return undefined;
    return sleep(5000).then(() => controller.abort());
  };
  const job = jobOf(how === 'held up' ? 'cat /dev/zero' : 'head -c 1G /dev/zero', {
    onOutput,
    signal: controller.signal,
    ...(how === 'gigabyte with input' && { stdin: 'in' }),
  });
  await transport.exec('alpha', job).catch((error: unknown) => {
    if (!controller.signal.aborted) throw error;
  });
  clearInterval(sample);
  await transport.close();
  process.stdout.write(JSON.stringify({ bytes, grownBytes: most - before }));
}

await main(...process.argv.slice(2));
