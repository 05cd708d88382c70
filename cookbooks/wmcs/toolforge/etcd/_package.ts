export const title = 'etcd of Toolforge';
