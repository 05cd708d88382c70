export const title = 'Hypervisors';
