import { readFile } from 'node:fs/promises';

/** `cookbook --version`: what this is, and what it runs on. */
export async function version(): Promise<number> {
  const manifest = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  process.stdout.write(`cookbook ${version} (Node.js ${process.versions.node})\n`);
  return 0;
}
