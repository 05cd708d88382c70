import { readdir } from 'node:fs/promises';
import type { Backend } from './backend.ts';

const folder = new URL('backends/', import.meta.url);

/** Every backend: whatever file of `backends/` exports one. */
export async function backends(): Promise<Backend[]> {
  const files = (await readdir(folder)).filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).sort();
  const modules = files.map((file) => import(new URL(file, folder).href) as Promise<{ backend: Backend }>);
  return (await Promise.all(modules)).map(({ backend }) => backend);
}
