export const title = 'One host after the other';
