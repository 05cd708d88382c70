// é: spans are in bytes
export const title = 'x';
export async function run( {
  return 0;
}
