export const title = 'A cookbook at the top';
export async function run() {}
