import nothing from 'no-such-package-anywhere';
import { gone } from './gone.ts';
export const run = async () => [nothing, gone];
