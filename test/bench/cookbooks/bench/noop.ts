export const title = 'Does nothing';

export async function run() {}
