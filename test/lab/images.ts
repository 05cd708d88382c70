import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { oses } from './layout.ts';
import { run } from './processes.ts';

const script = (name: string) => join(import.meta.dirname, 'images', name);
const cache = () => process.env['SUMAC_LAB_CACHE'] ?? '/var/cache/sumac-lab';
const mirror = () => process.env['SUMAC_LAB_MIRROR'] ?? 'http://deb.debian.org/debian';

async function build(name: string, file: string, ...args: string[]): Promise<[string, string]> {
  const key = createHash('sha256')
    .update(readFileSync(script(file)))
    .update(args.join(' '))
    .digest('hex')
    .slice(0, 12);
  const out = join(cache(), `${name}-${key}`);
  if (!existsSync(out)) {
    mkdirSync(cache(), { recursive: true });
    // Under a lock, into a draft that is renamed when it is whole; a killed build's draft is removed by the next.
    const guarded = `set -e; [ -e "$1" ] && exit; rm -rf "$1.draft"; mkdir "$1.draft"; sh "$2" "$1.draft" $3 $4 >"$1.log" 2>&1 ||
      { tail -n 5 "$1.log" >&2; exit 1; }; mv -T "$1.draft" "$1"; rm "$1.log"`;
    await run('flock', [join(cache(), `${name}.lock`), 'sh', '-c', guarded, 'sh', out, script(file), ...args]);
  }
  return [name, out];
}

/** Builds what is not in the cache yet, all at once. @returns the image folders by name: `installer` and each OS */
export async function buildImages(): Promise<{ installer: string; [os: string]: string }> {
  const built = await Promise.all([
    build('installer', 'installer.sh'),
    ...oses.map((os) => build(os, 'debian.sh', os, mirror())),
  ]);
  return { installer: '', ...Object.fromEntries(built) };
}
