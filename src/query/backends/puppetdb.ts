import { OpsError } from '../../model/errors.ts';
import type { Backend, World } from '../backend.ts';
import { HostSet } from '../../model/host-set.ts';
import { type Service, answerInvalid, ask, certificates, said } from '../http.ts';
import { readPuppetdb, type Wanted } from '../puppetdb/grammar.ts';

/** The hosts that PuppetDB knows by name, fact, resource, class, role or profile. */
export const backend: Backend = {
  name: 'puppetdb',
  letter: 'P',
  parse(text) {
    const wanted = readPuppetdb(text)();
    return (world) => certnames(wanted, world);
  },
};

async function certnames({ query, endpoint = 'nodes' }: Wanted, { config, signal }: World): Promise<HostSet> {
  const {
    host,
    port,
    scheme,
    timeout,
    ssl_verify: verify,
    ssl_client_cert: cert,
    ssl_client_key: key,
  } = config.puppetdb;
  const named = { name: 'PuppetDB', code: 'PUPPETDB', section: 'puppetdb' };
  const tls = scheme === 'https' ? await certificates(named, { verify, cert, key }) : {};
  const service: Service = { ...named, timeoutSeconds: timeout, tls };
  const url = new URL(`${scheme}://${host}:${port}/pdb/query/v4/${endpoint}`);
  const body = { query: JSON.stringify(['extract', ['certname'], query, ['group_by', 'certname']]) };
  const answer = await ask(service, { method: 'POST', url, body, signal });
  if (answer.status !== 200)
    throw new OpsError(
      answer.status >= 500 ? 'transient' : 'failed',
      'PUPPETDB_REFUSED',
      `PuppetDB at ${url.origin} refuses the query with ${answer.status}: ${said(answer)}`,
      { status: answer.status },
    );
  return HostSet.of(names(answer.text, () => answerInvalid(service, url, `no list of hosts: ${said(answer)}`)));
}

function names(text: string, invalid: () => OpsError): string[] {
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (!Array.isArray(rows)) throw invalid();
  return rows.map((row: { certname?: unknown } | null) => {
    if (typeof row?.certname !== 'string') throw invalid();
    return row.certname;
  });
}
