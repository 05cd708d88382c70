import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { activities } from '../../../activities/index.ts';
import type { Announced, Announcement } from '../../../activities/announce.ts';
import type { Call } from '../../../activities/define.ts';
import { Config } from '../../../src/config/schema.ts';
import { Etcd } from '../../../src/locks/etcd.ts';
import { LogLines, inActivity } from '../../support/activity.ts';
import { callOf } from '../../support/call.ts';
import { freePort, startEtcd, type TestEtcd } from '../../support/etcd.ts';
import { TestRelay } from '../../support/relay.ts';

let dir: string;
let server: TestEtcd;
let etcd: Etcd;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sumac-announce-'));
  server = await startEtcd();
  etcd = new Etcd({ hosts: [server.url] });
});
after(async () => {
  await etcd.close();
  await server.stop();
  rmSync(dir, { recursive: true });
});

const configOf = (relay: { port: number } | undefined, more: object = {}): Config =>
  Config.parse({
    cookbooks_base_dirs: [dir],
    logs_base_dir: dir,
    state_dir: dir,
    ...(relay && { tcpircbot_host: '127.0.0.1', tcpircbot_port: relay.port }),
    ...more,
  });

let tokens = 0;

/** Announces under a token of its own, unless one is given. */
async function announce(
  config: Config,
  input: Announcement,
  facts: Partial<Call> & { channel?: 'announce.sal' | 'announce.irc'; etcd?: Etcd | undefined; log?: LogLines } = {},
): Promise<Announced> {
  const { channel = 'announce.sal', log = new LogLines(), etcd: marks, ...overrides } = facts;
  const call = callOf({ config, etcd: marks }, { token: `run/${++tokens}`, ...overrides });
  return inActivity(() => activities[channel].run(input, call), log);
}

test('a message is one connection, without a newline, for the SAL and for IRC', async () => {
  const relay = await TestRelay.start();
  try {
    const config = configOf(relay);
    const text = 'START - Cookbook sre.hosts.reimage für machine1';
    assert.deepEqual(await announce(config, { text }), { sent: true });
    assert.deepEqual(await announce(config, { text }, { channel: 'announce.irc' }), { sent: true });
    assert.deepEqual(relay.messages, [`!log alice@laptop ${text}`, `alice@laptop ${text}`]);
    assert.equal(relay.connections, 2);
  } finally {
    await relay.stop();
  }
});

for (const place of ['etcd', 'files'] as const)
  test(`a second attempt of the same announcement is silent (marks in ${place})`, async () => {
    const relay = await TestRelay.start();
    try {
      const marks = place === 'etcd' ? etcd : undefined;
      const token = `run/${place}/END`;
      for (const attempt of [1, 2, 3]) {
        // Where there is etcd, each attempt is on another machine.
        const config = configOf(relay, marks && { state_dir: join(dir, `machine${attempt}`) });
        assert.deepEqual(await announce(config, { text: 'END' }, { token, attempt, etcd: marks }), { sent: true });
      }
      await announce(configOf(relay), { text: 'END' }, { token: `${token}/other`, etcd: marks });
      assert.deepEqual(relay.messages, ['!log alice@laptop END', '!log alice@laptop END']);
    } finally {
      await relay.stop();
    }
  });

test('a mark in etcd ends by itself after a week', async () => {
  const relay = await TestRelay.start();
  try {
    await announce(configOf(relay), { text: 'END' }, { token: 'a week/END', etcd });
    const key = '/sumac/announced/a%20week%2FEND';
    const entry = JSON.parse(await server.ctl('get', key, '-w', 'json')) as { kvs: { lease: number }[] };
    assert.ok(entry.kvs[0]?.lease);
    const lease = (await etcd.transact([], [{ request_range: { key: Buffer.from(key) } }])).found[0]?.[0]?.lease ?? '0';
    assert.match(await server.ctl('lease', 'timetolive', BigInt(lease).toString(16)), /granted with TTL\(604800s\)/);
  } finally {
    await relay.stop();
  }
});

test('a relay that refuses at first is tried again', async () => {
  const relay: TestRelay = await TestRelay.start((socket, count) => {
    if (count < 3) socket.resetAndDestroy();
    else relay.take(socket);
  });
  try {
    assert.deepEqual(await announce(configOf(relay), { text: 'START' }), { sent: true });
    assert.deepEqual(relay.messages, ['!log alice@laptop START']);
    assert.equal(relay.connections, 3);
  } finally {
    await relay.stop();
  }
});

test('a relay that is away costs three tries and a warning, never the run, and no mark is left', async () => {
  const port = await freePort();
  const log = new LogLines();
  const token = 'run/away';
  const { sent, reason } = await announce(configOf({ port }), { text: 'START' }, { token, log });
  assert.equal(sent, false);
  assert.match(reason ?? '', new RegExp(`^relay 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`));
  assert.deepEqual(log.lines, [`WARN not announced: START: ${reason ?? ''}`]);
  const relay = await TestRelay.start(undefined, port);
  try {
    assert.deepEqual(await announce(configOf({ port }), { text: 'START' }, { token }), { sent: true });
    assert.equal(relay.messages.length, 1);
  } finally {
    await relay.stop();
  }
});

test('a relay that never closes has got the message, too', async () => {
  const relay: TestRelay = await TestRelay.start((socket) => {
    socket.pause();
    setTimeout(() => socket.destroy(), 5000).unref();
  });
  try {
    assert.deepEqual(await announce(configOf(relay), { text: 'START' }), { sent: true });
    assert.equal(relay.connections, 1);
  } finally {
    await relay.stop();
  }
});

test('an etcd that answers late delays no announcement, and silences none', async () => {
  const relay: TestRelay = await TestRelay.start((socket, count) => {
    relay.take(socket);
    if (count > 1) return;
    server.freeze(true);
    setTimeout(() => server.freeze(false), 1400);
  });
  try {
    const token = 'run/frozen';
    assert.deepEqual(await announce(configOf(relay), { text: 'START' }, { etcd, token }), { sent: true });
    assert.deepEqual(await announce(configOf(relay), { text: 'START' }, { etcd, token, attempt: 2 }), { sent: true });
    assert.deepEqual(relay.messages, ['!log alice@laptop START']);
    assert.equal(relay.connections, 1);
  } finally {
    server.freeze(false);
    await relay.stop();
  }
});

test('a relay that never took it leaves no mark, and the next attempt announces', async () => {
  const relay: TestRelay = await TestRelay.start((socket, count) => {
    if (count <= 3) socket.resetAndDestroy();
    else relay.take(socket);
  });
  try {
    const token = 'run/reset';
    assert.equal((await announce(configOf(relay), { text: 'END' }, { etcd, token })).sent, false);
    assert.deepEqual(await announce(configOf(relay), { text: 'END' }, { etcd, token, attempt: 2 }), { sent: true });
    assert.deepEqual(relay.messages, ['!log alice@laptop END']);
  } finally {
    await relay.stop();
  }
});

test('the place of the marks being away is no reason to be silent', async () => {
  const relay = await TestRelay.start();
  const away = new Etcd({ hosts: [`http://127.0.0.1:${await freePort()}`] });
  const log = new LogLines();
  try {
    assert.deepEqual(await announce(configOf(relay), { text: 'START' }, { etcd: away, log }), { sent: true });
    assert.deepEqual(relay.messages, ['!log alice@laptop START']);
    assert.match(
      log.lines.join('\n'),
      /WARN cannot look whether it was announced before: etcd .*\nWARN announced, and other workers were not told: etcd /,
    );
  } finally {
    await away.close();
    await relay.stop();
  }
});

test('nothing is said without a relay, in a dry run, or of awaited input where that is off', async () => {
  const relay = await TestRelay.start();
  try {
    const { context } = callOf({});
    const silent = { text: 'START' };
    assert.deepEqual(await announce(configOf(undefined), silent), {
      sent: false,
      reason: 'tcpircbot_host and tcpircbot_port are not configured',
    });
    assert.deepEqual(await announce(configOf(relay), silent, { context: { ...context, dryRun: true } }), {
      sent: false,
      reason: 'dry run',
    });
    const nudge = { text: 'is awaiting input', userInput: true };
    assert.deepEqual(await announce(configOf(relay), nudge), {
      sent: false,
      reason: 'user_input_notifications_enabled is off',
    });
    assert.deepEqual(relay.messages, []);
    const on = configOf(relay, { user_input_notifications_enabled: true });
    assert.deepEqual(await announce(on, nudge, { channel: 'announce.irc' }), { sent: true });
  } finally {
    await relay.stop();
  }
});
