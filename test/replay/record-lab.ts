/**
 * record-lab.ts: records a good run of every shipped cookbook on a lab, over the histories that are there. Needs root.
 */
import type { WorkflowHandle } from '@temporalio/client';
import { Stage } from '../crash/support/stage.ts';
import { recordHistory } from './record.ts';

const stage = await Stage.up({ machines: 3, etcdMembers: 3, installSeconds: 2 });
try {
  const lane = await stage.lane();
  const worker = await lane.worker();
  const [first = '', second = '', third = ''] = stage.lab.config.machines;
  const good = async (cookbook: string, ...argv: string[]): Promise<WorkflowHandle> => {
    const handle = await lane.start(cookbook, argv);
    await handle.result();
    console.log(await recordHistory(handle, `${cookbook}.good`));
    return handle;
  };
  await good('examples.disk-space', `${first},${second}`);
  await good('examples.service-restart', `${first},${second}`, 'systemd-journald.service');
  await good('sre.hosts.reimage', first, '--os', 'trixie', '--force');
  await good('sre.hosts.reboot', first);
  await good(
    'wmcs.openstack.cloudvirt.reimage-fleet',
    `${second},${third}`,
    '--os',
    'trixie',
    '--width',
    '2',
    '--force',
  );
  await good('wmcs.toolforge.etcd.add-member', 'tools', stage.lab.config.etcd.spare ?? '');
  await worker.kill();
} finally {
  await stage.down();
}
