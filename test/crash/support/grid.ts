import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Post } from './post.ts';

/** One case of a matrix. */
export interface Case {
  /** What goes wrong, and where. */
  name: string;
  /** Does it on a post. @returns how it ended, for the grid */
  play: (post: Post) => Promise<string>;
}

/** Plays all cases, one a post at a time, prints the grid, and fails when one went wrong; that post then plays no more. */
export async function playAll(t: TestContext, posts: readonly Post[], cases: readonly Case[]): Promise<void> {
  const left = [...cases.entries()];
  const grid = cases.map(() => '');
  const wrong: string[] = [];
  const work = async (post: Post) => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [at, { name, play }] = next;
      const started = performance.now();
      const seconds = () => ((performance.now() - started) / 1000).toFixed(1).padStart(5);
      try {
        const end = await play(post);
        grid[at] = `ok    ${seconds()} s  ${name}: ${end}`;
      } catch (error) {
        grid[at] = `WRONG ${seconds()} s  ${name}`;
        wrong.push(`${name} on ${post.machine.name}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
        return;
      }
    }
  };
  await Promise.all(posts.map(work));
  for (const line of grid.filter((played) => played !== '')) t.diagnostic(line);
  assert.equal(wrong.length, 0, wrong.join('\n'));
}
