import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { formatMs } from '../../src/model/duration.ts';
import { components, logFile, pidFile, pidOf, start, type Component } from './components.ts';
import { writeConfig } from './config.ts';
import { ageMs, stop } from './process.ts';
import { configFile, devDir, root, uiAddress } from './settings.ts';

const usage = `\
usage: temporal-dev.sh [up|down|status|logs|demo|reset]
  up             starts what does not run of: Temporal server, etcd, one worker (the default)
  down           stops them
  status         says what runs and where; ends with 3 unless all of it does
  logs [NAME] [-f]  shows the end of the logs, of all or of ${components.map(({ name }) => name).join(', ')}
  demo           brings up the lab and re-images a small fleet, with a worker killed in the middle
  reset          stops all and forgets every run, lock and log
SUMAC_TEMPORAL_PORT, SUMAC_UI_PORT, SUMAC_ETCD_PORT, SUMAC_ETCD_PEER_PORT choose other ports, SUMAC_DEV_DIR another directory than .dev.`;

async function up(): Promise<number> {
  mkdirSync(`${devDir}/data`, { recursive: true });
  const config = writeConfig();
  for (const component of components) {
    const ran = pidOf(component) !== undefined;
    if (!ran && process.stdout.isTTY) process.stdout.write(`${component.name}: starting...\r`);
    await start(component);
    console.log(line(component));
  }
  console.log(`config    ${configFile}${config === 'written' ? '' : ` (${config})`}`);
  console.log(`UI        ${uiAddress}`);
  console.log(`try       bin/cookbook -c ${configFile} --list`);
  return 0;
}

async function down(): Promise<number> {
  for (const component of components.toReversed())
    console.log(`${component.name.padEnd(9)} ${await stop(pidFile(component), component.graceMs)}`);
  return 0;
}

async function status(): Promise<number> {
  let all = true;
  for (const component of components) {
    const pid = pidOf(component);
    const ready = pid !== undefined && (await component.isReady(pid));
    console.log(line(component) + (pid !== undefined && !ready ? ', does not answer' : ''));
    all &&= ready;
  }
  console.log(`UI        ${uiAddress}`);
  return all ? 0 : 3;
}

function line(component: Component): string {
  const pid = pidOf(component);
  const state = pid === undefined ? 'not running' : `pid ${pid}, up ${formatMs(ageMs(pid))}`;
  return `${component.name.padEnd(9)} ${component.address.padEnd(26)} ${state}`;
}

function logs(args: readonly string[]): number {
  const follow = args.includes('-f');
  const wanted = args.filter((arg) => arg !== '-f');
  const unknown = wanted.find((name) => !components.some((component) => component.name === name));
  if (unknown !== undefined) return fail(`no component '${unknown}': ${components.map(({ name }) => name).join(', ')}`);
  const files = components
    .filter(({ name }) => wanted.length === 0 || wanted.includes(name))
    .map(logFile)
    .filter(existsSync);
  if (files.length === 0) return fail('no logs yet: temporal-dev.sh up');
  return run('tail', ['-n', '100', ...(follow ? ['-F'] : []), ...files]);
}

async function reset(): Promise<number> {
  await down();
  for (const what of ['data', 'demo', 'log', 'logs', 'run', 'state'])
    rmSync(`${devDir}/${what}`, { recursive: true, force: true });
  console.log(`${devDir} is as new; the installed tools and an edited config.yaml stay`);
  return 0;
}

async function demo(): Promise<number> {
  await up();
  return run(process.execPath, [`${root}/test/lab/demo.ts`, '--dev-dir', devDir]);
}

const run = (program: string, args: string[]): number => spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;

function fail(message: string): number {
  console.error(`temporal-dev.sh: ${message}`);
  return 2;
}

const [command = 'up', ...args] = process.argv.slice(2);
const commands: Record<string, (args: readonly string[]) => number | Promise<number>> = {
  up,
  down,
  status,
  logs,
  demo,
  reset,
  help: () => (console.log(usage), 0),
};
const action = commands[command.replace(/^(-h|--help)$/, 'help')];
try {
  process.exitCode = action ? await action(args) : fail(`no command '${command}'\n${usage}`);
} catch (error) {
  console.error(`temporal-dev.sh: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
