import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// A chassis without a machine: power and boot override are files; what the BMC was told is logged line by line.
const chassis = `#!/bin/sh
d=$1; op=$3; shift 3
if [ "$op" = get ]; then
  for k; do echo "$k:$(cat "$d/$k")"; done
  exit 0
fi
echo "$*" >>"$d/told"
[ -e "$d/refuse" ] && exit 1
case $1 in power|boot) echo "$2" >"$d/$1";; esac
exit 0
`;

/** A real BMC on loopback: OpenIPMI's ipmi_sim. */
export interface IpmiSim {
  port: number;
  passwordFile: string;
  /** What it was told, one line a command, such as `power 0` or `boot pxe`. */
  told(): string[];
  set(what: 'power' | 'boot', value: string): void;
  /** Whether it refuses everything it is told. */
  refuse(refuses: boolean): void;
  stop(): Promise<void>;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Starts a BMC that lets `root` in with the given password. */
export async function ipmiSim(password = 'lab-secret'): Promise<IpmiSim> {
  const dir = mkdtempSync(join(tmpdir(), 'ipmi-sim-'));
  const port = await freeUdpPort();
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(dir, name), text, { mode });
    return join(dir, name);
  };
  file('power', '1\n');
  file('boot', 'none\n');
  file('told', '');
  mkdirSync(join(dir, 'state'));
  const lan = file(
    'lan.conf',
    `name "test"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_callback none md5
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${file('chassis', chassis, 0o700)} ${dir} 0x20"
  user 1 true "" "" user 10 none md5
  user 2 true "root" "${password}" admin 10 md5
`,
  );
  const emulator = file(
    'sim.emu',
    `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`,
  );
  const child = spawn('ipmi_sim', ['-c', lan, '-f', emulator, '-s', join(dir, 'state'), '-n'], { stdio: 'ignore' });
  await listening(port, child);
  return {
    port,
    passwordFile: file('password', `${password}\n`),
    told: () => readFileSync(join(dir, 'told'), 'utf8').split('\n').filter(Boolean),
    set: (what, value) => void file(what, `${value}\n`),
    refuse: (refuses) => (refuses ? void file('refuse', '') : rmSync(join(dir, 'refuse'), { force: true })),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// An RMCP presence ping, answered by every BMC that listens.
const ping = Buffer.from('06000006000011be80000000', 'hex');

async function listening(port: number, child: ChildProcess): Promise<void> {
  const socket = createSocket('udp4');
  const answers: Buffer[] = [];
  socket.on('message', (bytes) => answers.push(bytes)).on('error', () => undefined);
  try {
    for (let tries = 0; answers.length === 0; tries++) {
      if (child.exitCode !== null || tries > 200) throw new Error('ipmi_sim does not answer');
      socket.send(ping, port, '127.0.0.1');
      await sleep(50);
    }
  } finally {
    socket.close();
  }
}

/** A way to a BMC on which packets get lost. */
export interface LossyWay {
  port: number;
  /** Decides for each packet, counted from 1 in each direction since the last `lose`, whether it is lost. */
  lose(decide: (packet: { direction: 'to' | 'from'; number: number; bytes: Buffer }) => boolean): void;
  stop(): void;
}

/** Puts a lossy way in front of a BMC. */
export async function lossyWay(to: number): Promise<LossyWay> {
  const front = createSocket('udp4');
  const back = createSocket('udp4');
  let client = { port: 0, address: '' };
  let lost: Parameters<LossyWay['lose']>[0] = () => false;
  const counts = { to: 0, from: 0 };
  front.on('message', (bytes, { port, address }) => {
    client = { port, address };
    if (!lost({ direction: 'to', number: ++counts.to, bytes })) back.send(bytes, to, '127.0.0.1');
  });
  back.on('message', (bytes) => {
    if (!lost({ direction: 'from', number: ++counts.from, bytes })) front.send(bytes, client.port, client.address);
  });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    port: front.address().port,
    lose: (decide) => {
      lost = decide;
      counts.to = counts.from = 0;
    },
    stop: () => {
      front.close();
      back.close();
    },
  };
}
