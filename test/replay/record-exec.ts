/** record-exec.ts: records histories of `cookbook exec` on real sshd anew, over those that are there; with `temporal` on PATH. */
import { WorkflowClient, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecArgs, execName } from '../../src/model/exec.ts';
import { contextHeader, type RunInput } from '../../src/model/run.ts';
import { beatsOf, startLabCli } from '../support/lab-cli.ts';
import { nap } from '../support/nap.ts';
import { operator, resultOf } from '../support/world/engine.ts';
import { recordHistory } from './record.ts';

const { server, cli, stop } = await startLabCli(['web1', 'web2', 'web3']);
const header = { [contextHeader]: defaultPayloadConverter.toPayload({ ...operator, noLocks: true }) };
const client = new WorkflowClient({
  connection: server.client.connection,
  interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) }],
});
const start = (what: string, args: Pick<ExecArgs, 'commands'> & Partial<ExecArgs>): Promise<WorkflowHandle> => {
  const all: ExecArgs = { hosts: 'web[1-3]', mode: 'sync', successPercentage: 100, safe: false, ...args };
  const input: RunInput = { argv: [], args: { ...all } };
  return client.start(execName, { taskQueue: 'sumac', workflowId: `exec/${what}`, args: [input] });
};
/** A command that does something else on one host. */
const on = (host: string, what: string) => `case $HOME in */${host}) ${what};; esac`;

async function record(name: string, handle: WorkflowHandle): Promise<void> {
  const { exitCode } = await resultOf(handle);
  process.stdout.write(`${await recordHistory(handle, name)} (exit code ${exitCode})\n`);
}

try {
  await cli.worker();
  const commands = [`echo one; ${on('web2', 'exit 3')}`, 'echo two'];
  await record('exec.good', await start('good', { commands, successPercentage: 50, batchSize: 2 }));
  await record('exec.async', await start('async', { commands, mode: 'async', timeout: 60, globalTimeout: 600 }));
  await record('exec.safe', await start('safe', { commands, safe: true, successPercentage: 0 }));
  const hangs = { commands: ['echo one', on('web2', `exec sleep ${nap(1)}`)], batchSize: 2, batchSleep: 0.1 };
  const cancelled = await start('cancelled', { ...hangs, successPercentage: 50 });
  while ((await beatsOf(cancelled))[0]?.done !== 2) await sleep(100);
  await cancelled.cancel();
  await record('exec.cancelled', cancelled);
} finally {
  await stop();
}
