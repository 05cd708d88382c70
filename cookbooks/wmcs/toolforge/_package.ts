export const title = 'Toolforge';
