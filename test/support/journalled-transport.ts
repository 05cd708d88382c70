import type { Config } from '../../src/config/schema.ts';
import { Remote } from '../../src/remote/remote.ts';
import type { Transport } from './transport-contract.ts';

/** Commands that are journalled on their host, each under a token of its own. */
export function transport(config: Config): Transport {
  const remote = new Remote(config);
  let count = 0;
  return {
    exec: async (host, { command, stdin, signal, onOutput }) => {
      if (typeof stdin === 'function') throw new Error('the input of a journalled command is no stream');
      const { exitCode } = await remote.runOnce(host, command, { token: `${++count}`, stdin, signal, onOutput });
      return { code: exitCode };
    },
    close: () => remote.close(),
  };
}
