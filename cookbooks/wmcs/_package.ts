export const title = 'Cloud services';
export const ownerTeam = 'wmcs';
