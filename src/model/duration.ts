import { OpsError } from './errors.ts';

/** A length of time: milliseconds, or a text such as `90s`, `40m`, `4h`, `2d`, `500ms`, `1h30m`. */
export type Duration = number | string;

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a {@link Duration}.
 * @throws DURATION_INVALID when it is not a length of time
 */
export function toMs(duration: Duration): number {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration;
  const text = String(duration).replaceAll(' ', '');
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text)
    throw new OpsError(
      'usage',
      'DURATION_INVALID',
      `'${duration}' is not a length of time: write for example 90s, 40m, 4h or 1h30m`,
    );
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ''] ?? Number.NaN), 0);
}

/** `4h`, `1m30s`, `2.5s`: a length of time for people. */
export function formatMs(ms: number): string {
  if (ms < 10_000) return `${Math.round(ms / 100) / 10}s`;
  const parts: string[] = [];
  let left = Math.round(ms / 1000) * 1000;
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = units[unit] ?? 1;
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * size;
  }
  return parts.slice(0, 2).join('');
}
