// node lock-is-installed.js ROOT: ends with 0 when node_modules holds what package-lock.json says. Plain JavaScript: it runs before anything is installed.
import { readFileSync } from 'node:fs';
import process from 'node:process';

const root = process.argv[2];
const packages = (file) => JSON.parse(readFileSync(`${root}/${file}`, 'utf8')).packages;
const installed = packages('node_modules/.package-lock.json');
const differs = Object.entries(packages('package-lock.json')).some(([path, { version, optional }]) => {
  const found = installed[path];
  return path !== '' && (found ? found.version !== version : !optional);
});
process.exit(differs ? 1 : 0);
