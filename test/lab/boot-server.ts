/** boot-server.ts LAB: the http side of the install server: boot scripts, names of images, the installers' proofs. */
import { renameSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, createServer } from 'node:http';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { installPaths, installServerOf } from './layout.ts';
import { layoutOf } from './registry.ts';

const lab = layoutOf(process.argv[2] ?? '');
if (!lab) throw new Error('usage: boot-server.ts LAB');
const { address } = installServerOf(lab);
const anyAddress = '0.0.0.0'; // the machine may not have its own yet

interface Reply {
  status: number;
  body?: string;
}

function bootScript(query: URLSearchParams): Reply {
  const os = query.get('os') ?? '';
  const token = query.get('token') ?? '';
  // They become shell variables of the installer.
  if (!/^[\w.-]{1,40}$/.test(os) || !/^[\w.-]{1,128}$/.test(token))
    return { status: 400, body: 'os and token needed\n' };
  return { status: 200, body: `os=${os}\ntoken=${token}\nserver=${address}\n` };
}

async function keepProof(short: string, request: IncomingMessage): Promise<Reply> {
  const proof = await text(request);
  const machine = lab?.machines.find((candidate) => candidate.short === short);
  if (!machine || !lab || request.socket.remoteAddress !== machine.address) return { status: 403 };
  JSON.parse(proof);
  const file = join(installPaths(lab).proofs, `${short}.json`);
  writeFileSync(`${file}.new`, `${proof}\n`);
  renameSync(`${file}.new`, file);
  return { status: 204 };
}

async function answer(request: IncomingMessage): Promise<Reply> {
  const url = new URL(request.url ?? '/', 'http://install');
  const [, kind, name = ''] = url.pathname.split('/');
  if (request.method === 'GET' && kind === 'boot') return bootScript(url.searchParams);
  const image = name === 'installer' ? undefined : lab?.images[name];
  if (request.method === 'GET' && kind === 'images' && image) return { status: 200, body: `${basename(image)}\n` };
  if (request.method === 'PUT' && kind === 'proofs') return keepProof(name, request);
  return { status: 404 };
}

createServer((request, response) => {
  answer(request)
    .catch((error: unknown): Reply => ({ status: 400, body: `${String(error)}\n` }))
    .then(({ status, body }) => response.writeHead(status, { connection: 'close' }).end(body))
    .catch(console.error);
}).listen(80, anyAddress);
