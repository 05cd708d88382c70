import { activities } from '../../../../../activities/index.ts';
export const run = async () => Object.keys(activities).length;
