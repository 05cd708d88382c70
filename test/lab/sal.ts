import { appendFileSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LabLayout } from './layout.ts';

/** A relay of the server admin log: one connection a message, each kept as a line of `sal.log`. */
export function startSal(lab: LabLayout): Server {
  const log = join(lab.dir, 'sal.log');
  writeFileSync(log, '');
  return createServer((socket) => {
    text(socket)
      .then((message) => {
        if (message !== '') appendFileSync(log, `${JSON.stringify({ time: new Date().toISOString(), message })}\n`);
      })
      .catch((error: unknown) => console.error('sal', error));
  }).listen(lab.salPort, lab.gateway);
}
