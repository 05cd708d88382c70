import { word } from './lib/_word.ts';
export const title = word;
export const title = 'again';
export const run = async () => 0;
