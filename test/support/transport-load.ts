import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Config } from '../../src/config/schema.ts';
import { type SshLab, startSshLab } from './sshd.ts';
import { type Transport, jobOf } from './transport-contract.ts';

const run = promisify(execFile);

/** What `transport-growth.ts` prints. */
interface Growth {
  bytes: number;
  grownBytes: number;
}

/**
 * By how much a process of its own grows over what the host `alpha` prints.
 * @param module file whose `transport` export makes the transport
 * @param how as `transport-growth.ts` has it
 */
export async function growthOf(lab: SshLab, module: string, how: string): Promise<Growth> {
  const config = join(lab.dir, 'config.json');
  writeFileSync(config, JSON.stringify(lab.config));
  const script = fileURLToPath(new URL('transport-growth.ts', import.meta.url));
  const { stdout } = await run(process.execPath, [script, module, config, how]);
  return JSON.parse(stdout) as Growth;
}

/**
 * The part of the contract that is about load.
 * @param module file whose `transport` export makes the transport, for a process of its own
 */
export function transportLoadContract(make: (config: Config) => Transport, module: string): void {
  test('a gigabyte of output, and a consumer slower than the host, cost less than 32 MB', async () => {
    const lab = await startSshLab(['alpha']);
    try {
      const all = await growthOf(lab, module, 'gigabyte');
      assert.equal(all.bytes, 2 ** 30);
      assert.ok(all.grownBytes < 32 << 20, `a gigabyte: ${all.grownBytes >> 20} MB`);
      const held = await growthOf(lab, module, 'held up');
      assert.ok(held.grownBytes < 32 << 20, `held up: ${held.grownBytes >> 20} MB`);
    } finally {
      await lab.close();
    }
  });

  test('200 handshakes at once succeed, also where sshd drops some of the newcomers', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `host${i}`);
    const lab = await startSshLab(names, ['MaxStartups 5:30:10']);
    const transports = Array.from({ length: 10 }, () => make(lab.configWith({ connect_timeout_seconds: 120 })));
    try {
      const echoes = transports.flatMap((transport, i) =>
        names.map(async (name) => {
          const job = jobOf(`echo ${i} ${name}`);
          assert.deepEqual(await transport.exec(name, job), { code: 0 });
          assert.equal(job.output(), `${i} ${name}\n`);
        }),
      );
      await Promise.all(echoes);
    } finally {
      await Promise.all(transports.map((transport) => transport.close()));
      await lab.close();
    }
  });
}
