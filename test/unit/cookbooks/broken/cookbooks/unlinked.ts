import { word } from './lib/_word.ts';
import { nobody } from './lib/_word.ts';
export const run = async () => [word, nobody];
