import { Command } from '@commander-js/extra-typings';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CookbookBase,
  CookbookRunnerBase,
  cookbooksOf,
  type Args,
  type Cookbook,
  type CookbookModule,
} from '../../../src/model/cookbook.ts';
import type { Spicerack } from '../../../workflows/spicerack/spicerack.ts';

const spicerack = { here: true } as unknown as Spicerack;
const only = (path: string, module: CookbookModule & Record<string, unknown>): Cookbook => {
  const found = cookbooksOf(path, module);
  assert.deepEqual([...found.keys()], [path]);
  return found.get(path) as Cookbook;
};

class Runner extends CookbookRunnerBase {
  readonly given: unknown[];
  constructor(...given: unknown[]) {
    super();
    this.given = given;
  }
  override run = async () => 0;
}
class Restart extends CookbookBase {
  override title = 'Restart a service';
  override ownerTeam = 'sre';
  override argumentParser(parser: Command) {
    parser.argument('<unit>');
  }
  override getRunner(args: Args) {
    return new Runner(args, this.spicerack);
  }
}
class Stop extends Restart {
  override title = 'Stop a service';
}

test('a module with a run function is one cookbook with the name of its path', async () => {
  const seen: unknown[] = [];
  const cookbook = only('sre.hosts.reboot', {
    title: 'Reboot hosts',
    ownerTeam: 'sre',
    argumentParser: (parser) => parser.argument('<query>'),
    lockArgs: (args) => ({ suffix: String(args.host), concurrency: 1, ttl: '1h' }),
    runtimeDescription: (args) => `on ${String(args.host)}`,
    skipStartSal: true,
    hosts: (args) => String(args.host),
    run: async (...given) => {
      seen.push(...given);
      return 3;
    },
    rollback: (...given) => void seen.push('rollback', ...given),
  });
  assert.deepEqual([cookbook.name, cookbook.title, cookbook.ownerTeam], ['sre.hosts.reboot', 'Reboot hosts', 'sre']);
  const parser = new Command();
  cookbook.argumentParser(parser);
  assert.deepEqual(
    parser.registeredArguments.map((argument) => argument.name()),
    ['query'],
  );
  const args = { host: 'db1' };
  const runner = await cookbook.getRunner(args, spicerack);
  assert.deepEqual(runner.lockArgs, { suffix: 'db1', concurrency: 1, ttl: '1h' });
  assert.deepEqual([runner.runtimeDescription, runner.skipStartSal, runner.hosts], ['on db1', true, 'db1']);
  assert.equal(await runner.run(), 3);
  await runner.rollback();
  assert.deepEqual(seen, [args, spicerack, 'rollback', args, spicerack]);
});

test('a module that only has run gets what Spicerack gives: no title, no owner, twenty holders for half an hour', async () => {
  const cookbook = only('a.b', { run: async () => undefined });
  assert.deepEqual([cookbook.title, cookbook.ownerTeam], ['-', 'unowned']);
  cookbook.argumentParser(new Command());
  const runner = await cookbook.getRunner({}, spicerack);
  assert.deepEqual(runner.lockArgs, { concurrency: 20, ttl: 1_800_000 });
  assert.deepEqual([runner.runtimeDescription, runner.skipStartSal, runner.hosts], ['', false, undefined]);
  assert.equal(await runner.run(), undefined);
  await runner.rollback();
});

test('a module with one class has its path as name, and its runner gets arguments and accessor', async () => {
  const cookbook = only('sre.restart', { Restart, helper: () => 1, limit: 3 });
  assert.deepEqual([cookbook.title, cookbook.ownerTeam], ['Restart a service', 'sre']);
  const parser = new Command();
  cookbook.argumentParser(parser);
  assert.equal(parser.registeredArguments[0]?.name(), 'unit');
  const runner = await cookbook.getRunner({ unit: 'nginx' }, spicerack);
  assert.ok(runner instanceof Runner);
  assert.deepEqual(runner.given, [{ unit: 'nginx' }, spicerack]);
});

test('a runner locks by its own bounds', () => {
  class Strict extends Runner {
    override maxConcurrency = 1;
    override lockTtl = 60;
  }
  assert.deepEqual(new Strict().lockArgs, { concurrency: 1, ttl: 60_000 });
});

test('a module with several classes has a cookbook for each, by path and class', () => {
  const found = cookbooksOf('sre.service', { Restart, Stop });
  assert.deepEqual(
    [...found].map(([name, { title }]) => [name, title]),
    [
      ['sre.service.Restart', 'Restart a service'],
      ['sre.service.Stop', 'Stop a service'],
    ],
  );
});

test('base classes, runners and other exports are no cookbooks', () => {
  const none = cookbooksOf('lib', { CookbookBase, CookbookRunnerBase, Runner, speed: 'fast', nothing: null });
  assert.equal(none.size, 0);
});
