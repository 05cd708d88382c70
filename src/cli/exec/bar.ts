import type { Paint } from './style.ts';

/** How far the command under way has come. */
export interface Counts {
  hosts: number;
  done: number;
  failed: number;
  running: number;
  /** Milliseconds since it began. */
  elapsedMs: number;
  /** A host that cannot be reached, and why. */
  waitingFor?: string | undefined;
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Cumin's two bars, PASS and FAIL, each within so many columns; beside them what is still under way. */
export function barLines(
  { hosts, done, failed, running, elapsedMs, ...rest }: Counts,
  columns: number,
  paint: Paint,
): string[] {
  const rate = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0;
  const left = rate > 0 ? clock((hosts - done) / rate) : '?';
  const pace = `[${clock(elapsedMs / 1000)}<${left}, ${rate.toFixed(rate < 10 ? 2 : 0)}hosts/s]`;
  const waiting = hosts - done - running;
  const others = `[${running} running${waiting > 0 ? `, ${waiting} waiting` : ''}${rest.waitingFor === undefined ? '' : `, ${rest.waitingFor}`}]`;
  return [
    paint.green(bar('PASS', done - failed, hosts, pace, columns)),
    paint.red(bar('FAIL', failed, hosts, others, columns)),
  ];
}

function bar(name: string, count: number, total: number, note: string, columns: number): string {
  const ratio = total === 0 ? 0 : count / total;
  const numbers = `${String(Math.floor(ratio * 100)).padStart(3)}% (${count}/${total})`;
  const width = Math.max(10, Math.min(60, columns - 60));
  const filled = Math.round(ratio * width * 8);
  const blocks = '█'.repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? '');
  return `${name} |${blocks.padEnd(width)}| ${numbers} ${note}`.slice(0, Math.max(20, columns - 1));
}

/** `03:07`, `1:02:03`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours = 0, ...rest] = parts;
  const text = rest.map((part) => String(part).padStart(2, '0')).join(':');
  return hours > 0 ? `${hours}:${text}` : text;
}
