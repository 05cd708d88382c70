import { parseSync, type Module } from '@swc/core';
import { readFileSync } from 'node:fs';

/** What a file imports at run time. */
export interface Import {
  name: string;
  line: number;
}

/** A parsed source file: its imports, or why it cannot run. */
export interface Source {
  imports: Import[];
  errors: { line: number; message: string }[];
}

/** Syntax of TypeScript that is more than types, which Node.js does not run. */
const notErasable: Record<string, string> = {
  TsEnumDeclaration: 'an enum',
  TsParameterProperty: 'a parameter property',
  TsImportEqualsDeclaration: "an 'import ='",
  TsExportAssignment: "an 'export ='",
};

/** Reads and parses a TypeScript or JavaScript file. */
export function readSource(file: string): Source {
  const code = readFileSync(file);
  const isTypeScript = file.endsWith('.ts');
  let module: Module;
  try {
    module = parseSync(code.toString(), {
      syntax: isTypeScript ? 'typescript' : 'ecmascript',
      target: 'es2024',
      ...(!isTypeScript && { jsx: false }),
    });
  } catch (error) {
    return { imports: [], errors: [syntaxError((error as Error).message)] };
  }
  const source: Source = { imports: [], errors: [] };
  visit(module.body, source, lineCounter(code));
  return source;
}

// swc tells the place only in its drawing: ` x MESSAGE`, `,-[LINE:COLUMN]` of the first line drawn, then the lines, the guilty one above `:   ^`.
function syntaxError(drawing: string): { line: number; message: string } {
  const message = /^\s*x (.*)$/m.exec(drawing)?.[1] ?? 'syntax error';
  const line = /^\s*(\d+) \|[^\n]*\n\s*:/m.exec(drawing)?.[1] ?? /,-\[(?:\S*:)?(\d+):\d+\]/.exec(drawing)?.[1];
  return { line: Number(line ?? 1), message };
}

interface Node {
  type: string;
  span: { start: number };
  [key: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string';
const textOf = (value: unknown) =>
  isNode(value) && value.type === 'StringLiteral' ? (value['value'] as string) : undefined;

function visit(value: unknown, source: Source, lineOf: (node: Node) => number): void {
  if (Array.isArray(value)) for (const item of value) visit(item, source, lineOf);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  if (isNode(value)) {
    const imported = importOf(value);
    if (imported !== undefined) source.imports.push({ name: imported, line: lineOf(value) });
    const more = notErasable[value.type];
    if (more !== undefined && value['declare'] !== true)
      source.errors.push({
        line: lineOf(value),
        message: `${more} is more than a type: Node.js runs only TypeScript whose types can be erased`,
      });
  }
  for (const child of Object.values(value)) visit(child, source, lineOf);
}

function importOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return isTypeOnly(node) ? undefined : textOf(node['source']);
    case 'CallExpression': {
      const callee = node['callee'] as Node;
      const loads = callee.type === 'Import' || (callee.type === 'Identifier' && callee['value'] === 'require');
      const [first] = node['arguments'] as { expression: unknown }[];
      return loads ? textOf(first?.expression) : undefined;
    }
    default:
      return undefined;
  }
}

function isTypeOnly(node: Node): boolean {
  if (node['typeOnly'] === true) return true;
  const specifiers = (node['specifiers'] ?? []) as { isTypeOnly?: boolean }[];
  return specifiers.length > 0 && specifiers.every(({ isTypeOnly: typeOnly }) => typeOnly === true);
}

/** Lines of swc's spans: offsets in bytes from 1. */
function lineCounter(code: Buffer): (node: Node) => number {
  const starts = [0];
  for (let at = code.indexOf(10); at !== -1; at = code.indexOf(10, at + 1)) starts.push(at + 1);
  return ({ span }) => starts.findLastIndex((start) => start <= span.start - 1) + 1;
}
