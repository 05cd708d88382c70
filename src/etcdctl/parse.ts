import { z } from 'zod';
import { OpsError } from '../model/errors.ts';

/** A member of an etcd cluster. */
export interface EtcdMember {
  /** Lower-case hexadecimal, without 0x: as etcdctl takes and prints it. */
  id: string;
  /** Empty until the member has started for the first time. */
  name: string;
  peerUrls: string[];
  clientUrls: string[];
  /** A learner follows the log and has no vote. */
  learner: boolean;
  started: boolean;
}

/** What one member says of itself. */
export interface EtcdStatus {
  endpoint: string;
  memberId: string;
  leaderId: string;
  raftIndex: bigint;
  raftAppliedIndex: bigint;
}

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

/** JSON in which every whole number becomes a bigint: ids are 64 bits wide, a JSON number holds 53. */
function parseExact(text: string): unknown {
  const reviver: Reviver = (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
}

/** What etcdctl printed without its log lines, which are JSON too. */
export const withoutLog = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('{"level"'))
    .join('\n')
    .trim();

// The answer is on one line; texts of errors follow it or take its place.
function firstJson<T>(what: string, text: string, schema: z.ZodType<T>): T {
  const said = withoutLog(text);
  try {
    return schema.parse(parseExact(said.split('\n').find((line) => /^[[{]/.test(line)) ?? ''));
  } catch {
    throw new OpsError(
      'transient',
      'ETCDCTL_UNREADABLE',
      `etcdctl ${what} printed no answer: ${said.slice(0, 500) || 'nothing'}`,
    );
  }
}

const hex = (id: bigint) => BigInt.asUintN(64, id).toString(16);

const MemberList = z.object({
  members: z.array(
    z.object({
      ID: z.bigint(),
      name: z.string().default(''),
      peerURLs: z.array(z.string()).min(1),
      clientURLs: z.array(z.string()).default([]),
      isLearner: z.boolean().default(false),
    }),
  ),
});

/** Reads `etcdctl member list -w json`. @throws ETCDCTL_UNREADABLE */
export const parseMembers = (text: string): EtcdMember[] =>
  firstJson('member list', text, MemberList).members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => ({
    id: hex(ID),
    name,
    peerUrls: peerURLs,
    clientUrls: clientURLs,
    learner: isLearner,
    started: clientURLs.length > 0,
  }));

const Health = z.array(z.object({ endpoint: z.string(), health: z.boolean(), error: z.string().optional() }));
export type EtcdHealth = z.infer<typeof Health>[number];

/** Reads `etcdctl endpoint health -w json`, which is printed whatever the exit status. @throws ETCDCTL_UNREADABLE */
export const parseHealth = (text: string): EtcdHealth[] => firstJson('endpoint health', text, Health);

const Status = z.array(
  z.object({
    Endpoint: z.string(),
    Status: z.object({
      header: z.object({ member_id: z.bigint() }),
      leader: z.bigint().default(0n),
      raftIndex: z.bigint().default(0n),
      raftAppliedIndex: z.bigint().default(0n),
    }),
  }),
);

/** Reads `etcdctl endpoint status -w json`; endpoints that do not answer are left out of it. @throws ETCDCTL_UNREADABLE */
export const parseStatus = (text: string): EtcdStatus[] =>
  firstJson('endpoint status', text, Status).map(
    ({ Endpoint, Status: { header, leader, raftIndex, raftAppliedIndex } }) => ({
      endpoint: Endpoint,
      memberId: hex(header.member_id),
      leaderId: hex(leader),
      raftIndex,
      raftAppliedIndex,
    }),
  );

const alarmKinds = ['NONE', 'NOSPACE', 'CORRUPT'];
const Alarms = z.object({
  alarms: z.array(z.object({ memberID: z.bigint().default(0n), alarm: z.bigint().default(0n) })).default([]),
});

/** Reads `etcdctl alarm list -w json`: texts such as `NOSPACE on 8e9e05c52164694d`. @throws ETCDCTL_UNREADABLE */
export const parseAlarms = (text: string): string[] =>
  firstJson('alarm list', text, Alarms).alarms.map(
    ({ memberID, alarm }) => `${alarmKinds[Number(alarm)] ?? `alarm ${alarm}`} on ${hex(memberID)}`,
  );
