import { activities } from '../../../../activities/index.ts';

/** How the hosts of a query are found. */
export const queries = { 'remote.query': activities['remote.query'] };
