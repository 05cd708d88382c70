export const run = async () => 0; await Promise.resolve();
