import js from '@eslint/js';
import ts from 'typescript-eslint';

const sandboxed = 'runs in the Temporal sandbox: reach the world through an activity';
const nodeOnly = { group: ['node:*', 'fs', 'child_process', 'net', 'os', 'path', 'crypto'], message: sandboxed };
const temporalOutside = ['@temporalio/activity', '@temporalio/worker', '@temporalio/client', '@temporalio/testing'];

export default ts.config(
  { ignores: ['node_modules', '.dev', 'dist', 'test/unit/cookbooks/broken'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      'max-lines': ['error', { max: 400 }],
    },
  },
  {
    files: ['workflows/**', 'cookbooks/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: temporalOutside.map((name) => ({ name, message: sandboxed, allowTypeImports: true })),
          patterns: [
            nodeOnly,
            {
              group: ['**/activities/**'],
              message: 'workflows call activities, they never import them',
              allowTypeImports: true,
            },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'fetch', 'crypto', 'performance', 'setInterval', 'Temporal', 'Intl'].map((name) => ({
          name,
          message: sandboxed,
        })),
      ],
    },
  },
  {
    files: ['src/model/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            nodeOnly,
            { group: ['@temporalio/*', '!@temporalio/common'], message: 'src/model is pure' },
            { group: ['**/activities/**', '**/workflows/**'], message: 'src/model is pure', allowTypeImports: true },
          ],
        },
      ],
    },
  },
  {
    files: ['activities/**', 'src/**'],
    ignores: ['src/model/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/workflows/**'],
              message: 'code outside the sandbox never runs workflow code',
              allowTypeImports: true,
            },
          ],
        },
      ],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], extends: [ts.configs.disableTypeChecked] },
);
