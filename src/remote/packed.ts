/** Small numbers in as few characters as base64 allows: 1,000 of them below 16 take 668. */
export function pack(numbers: readonly number[], bits: number): string {
  const bytes = Buffer.alloc(Math.ceil((numbers.length * bits) / 8));
  for (const [i, number] of numbers.entries())
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      if ((number >> bit) & 1) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
    }
  return bytes.toString('base64');
}

/** As many numbers as asked for; what the text does not hold is 0. */
export function unpackNumbers(text: string, count: number, bits: number): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: count }, (_, i) => {
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      number |= (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) << bit;
    }
    return number;
  });
}
