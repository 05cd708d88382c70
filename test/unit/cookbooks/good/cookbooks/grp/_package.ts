export const title = 'Things of one team';
export const ownerTeam = 'teamx';
