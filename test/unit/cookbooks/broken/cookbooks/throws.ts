export const run = async () => 0;
throw new Error('thrown while loading');
