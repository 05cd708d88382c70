import '@temporalio/proto';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import protobuf from 'protobufjs/light.js';

const whole = protobuf.roots['__temporal'] as protobuf.Root;
const child = new URL('../../../src/cli/api.ts', import.meta.url).href;

/** What a process prints that has loaded the CLI's part of the API before Temporal's client. */
async function withPart(code: string, input: unknown = null): Promise<unknown> {
  const program = `
    await import('${child}');
    await import('@temporalio/client');
    const { default: { temporal } } = await import('@temporalio/proto');
    const { default: protobuf } = await import('protobufjs/light.js');
    const input = JSON.parse(await new Response(process.stdin).text());
    console.log(JSON.stringify((() => { ${code} })()));`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    maxBuffer: 64 << 20,
  });
  run.child.stdin?.end(JSON.stringify(input));
  return JSON.parse((await run).stdout);
}

const typesOf = `
  const types = [];
  const walk = (node) => { if (node instanceof protobuf.Type) types.push(node); (node.nestedArray ?? []).forEach(walk); };
  walk(protobuf.roots['__temporal']);`;

function scalar(type: string): unknown {
  if (type === 'string') return 'ä text';
  if (type === 'bytes') return Buffer.from([0, 1, 254]);
  if (type === 'bool') return true;
  return /double|float/.test(type) ? 1.5 : 3;
}

/** A value for a field; messages are filled to a depth, an enum has a value that is no default. */
function valueOf(field: protobuf.Field, depth: number): unknown {
  const type = field.resolve().resolvedType;
  const one = type instanceof protobuf.Type ? filled(type, depth - 1) : type ? 1 : scalar(field.type);
  if (field.repeated) return [one, one];
  return field instanceof protobuf.MapField ? { [field.keyType === 'string' ? 'key' : 7]: one } : one;
}

/** A message in which everything is said that can be; of a oneof the given member, by default the first. */
function filled(type: protobuf.Type, depth: number, member?: protobuf.Field): protobuf.Message {
  const chosen = type.oneofsArray.flatMap(({ fieldsArray }) => {
    const theirs = fieldsArray.find((field) => field === member) ?? fieldsArray[0];
    return fieldsArray.filter((field) => field !== theirs);
  });
  const said = depth > 0 ? type.fieldsArray.filter((field) => !chosen.includes(field)) : [];
  return type.create(Object.fromEntries(said.map((field) => [field.name, valueOf(field, depth)])));
}

test('the API that the CLI speaks is a part of the whole, and closed: no message of it misses a type', async () => {
  const [part, unresolved] = (await withPart(`${typesOf}
    const unresolved = [];
    const reached = types.filter(({ fullName }) => !/errordetails|google\\.rpc|health/.test(fullName));
    for (const type of reached) try { type.fieldsArray.forEach((field) => field.resolve()) } catch (error) { unresolved.push(error.message) }
    return [types.map(({ fullName }) => fullName), unresolved];`)) as [string[], string[]];
  assert.deepEqual(unresolved, []);
  assert.ok(part.includes('.temporal.api.history.v1.HistoryEvent'));
  assert.ok(!part.some((name) => /coresdk|cloud|schedule\.v1/.test(name)), 'nothing that the CLI does not speak');
});

test('what it writes and reads is byte for byte what the whole API writes, for every message and member of a oneof', async () => {
  const names = (await withPart(`${typesOf} return types.map(({ fullName }) => fullName);`)) as string[];
  const messages = names.flatMap((name) => {
    const type = whole.lookupType(name);
    const members = type.oneofsArray.flatMap(({ fieldsArray }) => fieldsArray);
    return [undefined, ...members].map((member) => {
      const bytes = type.encode(filled(type, 3, member)).finish();
      return { name, bytes: Buffer.from(bytes).toString('base64') };
    });
  });
  assert.ok(messages.length > names.length && names.length > 150, `${names.length} types, ${messages.length} messages`);
  const again = await withPart(
    `return input.map(({ name, bytes }) => {
      const type = protobuf.roots['__temporal'].lookupType(name);
      return { name, bytes: Buffer.from(type.encode(type.decode(Buffer.from(bytes, 'base64'))).finish()).toString('base64') };
    });`,
    messages,
  );
  assert.deepEqual(again, messages);
});

test('only the function that is called is made', async () => {
  const made = await withPart(`
    const type = temporal.api.common.v1.WorkflowExecution;
    type.decode(type.encode({ workflowId: 'a' }).finish());
    return ['encode', 'decode', 'verify', 'fromObject', 'toObject'].filter((name) => Object.hasOwn(type, name));`);
  assert.deepEqual(made, ['encode', 'decode']);
});
