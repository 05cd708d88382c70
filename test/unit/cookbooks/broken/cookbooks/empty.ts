export const title = 'none';
