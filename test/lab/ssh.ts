import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

async function banner(address: string): Promise<string> {
  const socket = connect({ host: address, port: 22 });
  socket.setTimeout(1000, () => socket.destroy(new Error('no banner')));
  try {
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  } finally {
    socket.destroy();
  }
}

/** Waits until an ssh server answers on the address. */
export async function sshAnswers(address: string, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await banner(address).catch((error: unknown) => String(error));
    if (answer.startsWith('SSH-')) return;
    if (Date.now() > end) throw new Error(`no ssh server answers on ${address}: ${answer}`);
    await sleep(50);
  }
}
