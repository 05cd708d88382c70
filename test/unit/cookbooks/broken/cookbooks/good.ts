import { word } from './lib/_word.ts';
export const title = word;
export async function run() {}
