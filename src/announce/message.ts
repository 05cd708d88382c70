import type { RunContext } from '../model/run.ts';

/** An IRC line holds 512 bytes, of which the server and the relay need their part. */
const maxBytes = 400;

/** `USER@HOST TEXT`, or `!log USER@HOST TEXT` for the SAL, as one line that fits into an IRC message. */
export function messageFor(
  channel: 'sal' | 'irc',
  { user, host }: Pick<RunContext, 'user' | 'host'>,
  text: string,
): string {
  const line = `${channel === 'sal' ? '!log ' : ''}${user}@${host} ${text}`;
  return shorten(line.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim(), maxBytes);
}

/** Cuts a text between characters so that it ends with an ellipsis within `limit` bytes of UTF-8. */
export function shorten(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const ellipsis = '…';
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(limit - Buffer.byteLength(ellipsis)));
  return text.slice(0, read) + ellipsis;
}
