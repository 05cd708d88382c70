import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Config } from '../../config/schema.ts';
import { OpsError, messageOf } from '../../model/errors.ts';
import { type Answer, type Service, answerInvalid, ask, said } from '../http.ts';

export type OpenstackConfig = Config['openstack'];

/** Who asks, and how. */
export interface Login {
  config: OpenstackConfig;
  service: Service;
  username: string;
  password: string;
  signal: AbortSignal;
}

/** What Keystone gave: leave to ask, and where. */
export interface Token {
  id: string;
  /** Of each service by type; empty without a project. */
  catalog: Catalog;
}

const catalog = z
  .array(
    z.object({
      type: z.string(),
      endpoints: z.array(z.object({ interface: z.string(), region: z.string().nullish(), url: z.string() })),
    }),
  )
  .default([]);
type Catalog = z.infer<typeof catalog>;
const tokenAnswer = z.object({ token: z.object({ catalog }) });
const projectsAnswer = z.object({
  projects: z.array(z.object({ name: z.string(), enabled: z.boolean().default(true) })),
});

/** Name and password of the configuration. @throws OPENSTACK_NOT_CONFIGURED, OPENSTACK_CONFIG_UNREADABLE */
export async function credentials({ username, password_file: file }: OpenstackConfig) {
  if (username === undefined || file === undefined) {
    const missing = username === undefined ? 'username' : 'password_file';
    const message = `no 'openstack.${missing}' in the configuration, needed for O{...}`;
    throw new OpsError('usage', 'OPENSTACK_NOT_CONFIGURED', message);
  }
  try {
    return { username, password: (await readFile(file, 'utf8')).trim() };
  } catch (error) {
    const message = `openstack.password_file cannot be read: ${messageOf(error)}`;
    throw new OpsError('usage', 'OPENSTACK_CONFIG_UNREADABLE', message);
  }
}

const keystone = ({ config }: Login, path: string) =>
  new URL(`${config.auth_url.replace(/\/+(v3\/*)?$/, '')}/v3/${path}`);

/** Logs in, to a project by its name or to none. @throws OPENSTACK_REFUSED, see `ask` */
export async function token(login: Login, project?: string): Promise<Token> {
  const { service, username, password, signal } = login;
  const url = keystone(login, 'auth/tokens');
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: username, password, domain } } };
  const auth = { identity, ...(project !== undefined && { scope: { project: { name: project, domain } } }) };
  const answer = await ask(service, { method: 'POST', url, body: { auth }, signal });
  const what = `lets ${username} not in${project === undefined ? '' : ` to the project '${project}'`}`;
  if (answer.status !== 201) throw refused(service, url, answer, what);
  const id = answer.headers['x-subject-token'];
  if (typeof id !== 'string') throw answerInvalid(service, url, 'no token');
  return { id, catalog: read(service, url, answer, tokenAnswer).token.catalog };
}

/**
 * Names of the projects that are enabled: all, or where Keystone keeps that list to itself, those that the user may enter.
 * @throws OPENSTACK_REFUSED, see `ask`
 */
export async function projects(login: Login): Promise<string[]> {
  const { service, signal, username } = login;
  const headers = { 'X-Auth-Token': (await token(login)).id };
  const list = (path: string) => ask(service, { method: 'GET', url: keystone(login, path), headers, signal });
  const all = await list('projects?enabled=True');
  const answer = all.status === 403 ? await list('auth/projects') : all;
  const url = keystone(login, 'projects');
  if (answer.status !== 200) throw refused(service, url, answer, `does not list the projects to ${username}`);
  const found = read(service, url, answer, projectsAnswer).projects;
  return found.filter(({ enabled }) => enabled).map(({ name }) => name);
}

/** The error of an answer that says no. */
export const refused = ({ name }: Service, url: URL, answer: Answer, what: string) =>
  new OpsError(
    answer.status >= 500 ? 'transient' : 'failed',
    'OPENSTACK_REFUSED',
    `${name} at ${url.origin} ${what} (${answer.status}): ${said(answer)}`,
    { status: answer.status },
  );

/** @throws OPENSTACK_ANSWER_INVALID */
export function read<T>(service: Service, url: URL, answer: Answer, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(answer.text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, ' ') : 'what is no JSON';
    throw answerInvalid(service, url, why);
  }
}
