import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'src/cli/main.ts',
    // Loaded by the generated entry of the workflow bundle.
    'workflows/engine/run.ts',
    'workflows/engine/context.ts',
    'workflows/builtin/*.ts',
    'cookbooks/**/*.ts',
    // Found by their folder.
    'src/query/backends/*.ts',
    'scripts/dev/main.ts',
    'scripts/*.js',
    'test/**/*.test.ts',
    'test/bench/{*.ts,fleet/{ours,many-hosts,simulated-hosts}.ts}',
    'test/bench/cookbooks/**/*.ts',
    'test/lab/{cli,demo,power,boot-server}.ts',
    'test/replay/record-*.ts',
    'test/support/world/{worker-main.ts,cookbooks/**/*.ts}',
    'test/integration/locks/world/{worker-main.ts,cookbooks/**/*.ts}',
    'test/unit/cookbooks/**/cookbooks/**/*.ts',
  ],
  project: [
    'src/**/*.ts',
    'workflows/**/*.ts',
    'activities/**/*.ts',
    'cookbooks/**/*.ts',
    'scripts/**/*.ts',
    'test/**/*.ts',
  ],
  ignore: ['test/unit/cookbooks/broken/**'],
  // Programs of the machine are in scripts/tools.sh; protobufjs is there to have one copy of it.
  exclude: ['binaries'],
  ignoreDependencies: ['protobufjs'],
  ignoreExportsUsedInFile: true,
  // Each class of effect and what cookbooks may import is there to be used.
  tags: ['-public'],
};
export default config;
