export const word = 'still here';
