export const title = 'Servers of every kind';
export const ownerTeam = 'sre';
