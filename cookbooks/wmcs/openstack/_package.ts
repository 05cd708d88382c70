export const title = 'OpenStack';
