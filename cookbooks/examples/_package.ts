export const title = 'Small cookbooks to start from';
export const ownerTeam = 'sre';
