import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { condition, converge, create, oneShot, read, type Call } from '../../../activities/define.ts';
import { OpsError } from '../../../src/model/errors.ts';

/**
 * A small world of files for tests of the engine: `effects` is a list of what was done, `script.json` says what goes
 * wrong: { "NAME": "fail" | "unknown" | "die" | "lost" | "hang" | "transient" }, where `lost` acts and then does not know.
 */
export const world = (dir: string) => {
  const scripted = (name: string) =>
    existsSync(join(dir, 'script.json'))
      ? (JSON.parse(readFileSync(join(dir, 'script.json'), 'utf8')) as Record<string, string>)[name]
      : undefined;
  const note = (line: string) => appendFileSync(join(dir, 'effects'), `${line}\n`);
  const effects = () =>
    existsSync(join(dir, 'effects')) ? readFileSync(join(dir, 'effects'), 'utf8').split('\n') : [];
  const misbehave = async (name: string, call: Call) => {
    const how = scripted(name);
    if (how === 'fail') throw new OpsError('failed', 'SCRIPTED', `${name} was told to fail`);
    if (how === 'unknown') throw new OpsError('unknown', 'SCRIPTED', `${name} does not know`);
    if (how === 'transient' && call.attempt < 3) throw new OpsError('transient', 'SCRIPTED', `${name} fails at first`);
    if (how === 'hang') await sleep(3_600_000, undefined, { signal: call.signal });
  };
  const act = async ({ name, result }: { name: string; result?: unknown }, call: Call) => {
    await misbehave(name, call);
    note(name);
    if (scripted(name) === 'lost') throw new OpsError('unknown', 'SCRIPTED', `${name} lost its answer`);
    if (scripted(name) === 'die') process.kill(process.pid, 'SIGKILL');
    return result;
  };
  return {
    'world.look': read(async ({ name }: { name: string }, call) => {
      await misbehave(name, call);
      return effects().filter((line) => line === name).length;
    }),
    'world.holds': condition(async ({ name }: { name: string }, call) => {
      await misbehave(name, call);
      if (!existsSync(join(dir, name))) throw new OpsError('not-yet', 'NOT_YET', `${name} does not hold so far`);
      return true;
    }),
    'world.set': converge(act),
    'world.fences': converge(async (_: object, call) => call.fences),
    'world.fire': oneShot(act),
    'cookbook.arguments': read(async ({ argv }: { cookbook: string; argv: string[] }) => ({ host: argv[0] })),
    'announce.sal': create(async ({ text }: { text: string }) => {
      note(`SAL ${text}`);
      return { sent: true };
    }),
  };
};
