import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAlarms, parseHealth, parseMembers, parseStatus } from '../../../src/etcdctl/parse.ts';

// Printed by etcdctl 3.4.23.
const members =
  '{"header":{"cluster_id":12078288721857050912,"member_id":8501527199303582485,"raft_term":2},"members":[' +
  '{"ID":8501527199303582485,"name":"n1","peerURLs":["http://127.0.0.1:2390"],"clientURLs":["http://127.0.0.1:2389"]},' +
  '{"ID":13616862374316012264,"peerURLs":["http://127.0.0.4:2390"],"isLearner":true},' +
  '{"ID":15692709635212281170,"name":"n3","peerURLs":["http://127.0.0.3:2390"],"clientURLs":["http://127.0.0.3:2389"]}]}';

test('ids keep all their 64 bits', () => {
  assert.deepEqual(
    parseMembers(members).map(({ id }) => id),
    ['75fb7df1dacfc315', 'bcf8d02f287cf2e8', 'd9c7b4450a2d8552'],
  );
  // 2^53 + 1 is the first whole number that a JSON number cannot hold.
  const text = '{"members":[{"ID":9007199254740993,"name":"9007199254740993","peerURLs":["http://a:1"]}]}';
  assert.deepEqual(
    parseMembers(text).map(({ id, name }) => [id, name]),
    [['20000000000001', '9007199254740993']],
  );
});

test('a member that never started has neither name nor client URL', () => {
  assert.deepEqual(parseMembers(members)[1], {
    id: 'bcf8d02f287cf2e8',
    name: '',
    peerUrls: ['http://127.0.0.4:2390'],
    clientUrls: [],
    learner: true,
    started: false,
  });
  assert.deepEqual(
    parseMembers(members).map(({ started, learner }) => [started, learner]),
    [
      [true, false],
      [false, true],
      [true, false],
    ],
  );
});

test('health is read also when etcdctl adds text and fails', () => {
  const text =
    '{"level":"warn","ts":"2026-11-22T02:50:42.372Z","msg":"retrying of unary invoker failed"}\n[{"endpoint":"http://127.0.0.1:2389","health":true,"took":"3.4ms"},{"endpoint":"http://127.0.0.2:2389","health":false,"took":"5.0s","error":"context deadline exceeded"}]\nError: unhealthy cluster\n';
  assert.deepEqual(parseHealth(text), [
    { endpoint: 'http://127.0.0.1:2389', health: true },
    { endpoint: 'http://127.0.0.2:2389', health: false, error: 'context deadline exceeded' },
  ]);
});

test('status tells member, leader and position in the log', () => {
  const text =
    '[{"Endpoint":"http://127.0.0.4:2389","Status":{"header":{"cluster_id":12078288721857050912,"member_id":13616862374316012264,"revision":1,"raft_term":2},"version":"3.4.23","dbSize":20480,"leader":15692709635212281170,"raftIndex":13,"raftTerm":2,"raftAppliedIndex":12,"dbSizeInUse":16384,"isLearner":true}}]';
  assert.deepEqual(parseStatus(text), [
    {
      endpoint: 'http://127.0.0.4:2389',
      memberId: 'bcf8d02f287cf2e8',
      leaderId: 'd9c7b4450a2d8552',
      raftIndex: 13n,
      raftAppliedIndex: 12n,
    },
  ]);
  assert.deepEqual(
    parseStatus('[{"Endpoint":"x","Status":{"header":{"member_id":1}}}]').map(({ leaderId }) => leaderId),
    ['0'],
  );
});

test('no alarms and alarms are told apart', () => {
  assert.deepEqual(parseAlarms('{}'), []);
  assert.deepEqual(parseAlarms('{"header":{"raft_term":2},"alarms":[{"memberID":13616862374316012264,"alarm":1}]}'), [
    'NOSPACE on bcf8d02f287cf2e8',
  ]);
});

test('an answer that is none is quoted', () => {
  for (const text of ['', '{"level":"warn"}\nError: context deadline exceeded', '{"members":[{"ID":"text"}]}'])
    assert.throws(() => parseMembers(text), { code: 'ETCDCTL_UNREADABLE', kind: 'transient' });
});
