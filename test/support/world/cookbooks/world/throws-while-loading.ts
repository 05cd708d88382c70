export const title = 'Throws while it is loaded';
const nothing = undefined as unknown as { there: number };
export const maximum = nothing.there;
export async function run() {}
