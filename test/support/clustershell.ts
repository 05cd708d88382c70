import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What ClusterShell makes of an expression, or of names. */
export type Answer = { size: number; folded: string; hosts: string[] } | { error: string; message: string };

const root = join(import.meta.dirname, '../..');
const path = [...(process.env['PATH'] ?? '').split(delimiter), join(root, '.dev/venv/bin')];

/** The Python that ClusterShell's `nodeset` runs with. */
const python = (() => {
  const nodeset = path.map((dir) => join(dir, 'nodeset')).find((file) => existsSync(file));
  return nodeset === undefined ? undefined : /^#!(\S+)/.exec(readFileSync(nodeset, 'utf8'))?.[1];
})();

/** Why there is no ClusterShell to ask. */
export function whyNoClusterShell(): string | undefined {
  if (python === undefined) return 'ClusterShell is missing: scripts/install test brings it';
  const version = execFileSync(python, ['-c', 'import ClusterShell; print(ClusterShell.__version__)'], {
    encoding: 'utf8',
  });
  return /^1\.9\./.test(version)
    ? undefined
    : `ClusterShell ${version.trim()} is installed, host sets are those of 1.9`;
}

/** One process answers all. */
export function askClusterShell(questions: readonly (string | readonly string[])[]): Answer[] {
  const script = join(root, 'test/integration/host-set/clustershell.py');
  const { stdout, stderr, status } = spawnSync(python ?? 'python3', [script], {
    input: questions.map((question) => `${JSON.stringify(question)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`clustershell.py ended with ${status}: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}
