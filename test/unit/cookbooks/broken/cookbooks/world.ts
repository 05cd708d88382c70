import './lib/_deep.ts';
export async function run() {}
