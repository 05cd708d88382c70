import type { temporal } from '@temporalio/proto';
import protobuf from 'protobufjs/light.js';

// Loaded before Temporal's client, this leaves of the API what the CLI speaks: to describe all of its types, and to write five
// functions for each where one is called, takes as long as all else between the shell and a run.

/** What the CLI calls (temporal/api/workflowservice/v1/service.proto). */
const methods = [
  'DescribeTaskQueue',
  'DescribeWorkflowExecution',
  'GetSystemInfo',
  'GetWorkflowExecutionHistory',
  'GetWorkflowExecutionHistoryReverse',
  'ListWorkflowExecutions',
  'PollWorkflowExecutionUpdate',
  'QueryWorkflow',
  'RequestCancelWorkflowExecution',
  'SignalWorkflowExecution',
  'StartWorkflowExecution',
  'UpdateWorkflowExecution',
] as const satisfies readonly Capitalize<Extract<keyof temporal.api.workflowservice.v1.WorkflowService, string>>[];

/** Messages that no method names: details of errors, and what the client asks a server for its health with. */
const besides = /^(google\.rpc|temporal\.api\.errordetails|grpc\.health)\./;
const service = 'temporal.api.workflowservice.v1.WorkflowService';

/** A namespace, message or service as protobufjs writes it in JSON. */
interface Node {
  nested?: Record<string, Node>;
  fields?: Record<string, { type: string }>;
  methods?: Record<string, protobuf.IMethod>;
}

/** Takes out of a description what is not reached from {@link methods}. */
function prune(whole: Node): void {
  const reached = new Set<string>();
  const at = (path: readonly string[]) => path.reduce<Node | undefined>((node, name) => node?.nested?.[name], whole);

  const reach = (scope: readonly string[], type: string): void => {
    // From the innermost scope outwards (protobuf.dev, proto3 language guide, "Packages and Name Resolution").
    for (let depth = scope.length; depth >= 0; depth--) {
      const path = [...scope.slice(0, depth), ...type.split('.')];
      if (!at(path)?.fields) continue;
      take(path);
      return;
    }
  };
  const take = (path: readonly string[]): void => {
    const name = path.join('.');
    const message = at(path);
    if (!message?.fields || reached.has(name)) return;
    reached.add(name);
    take(path.slice(0, -1));
    for (const { type } of Object.values(message.fields)) reach(path, type);
  };
  const drop = (namespace: Node, scope: string): void => {
    for (const [name, node] of Object.entries(namespace.nested ?? {})) {
      const path = `${scope}${name}`;
      if (node.methods) {
        if (path !== service) node.methods = {};
      } else if (node.fields) {
        if (!reached.has(path) && !besides.test(path)) delete namespace.nested?.[name];
      } else drop(node, `${path}.`);
    }
  };

  const scope = service.split('.');
  const called = at(scope);
  if (!called?.methods) return;
  called.methods = Object.fromEntries(
    Object.entries(called.methods).filter(([name]) => (methods as readonly string[]).includes(name)),
  );
  for (const { requestType, responseType } of Object.values(called.methods))
    for (const type of [requestType, responseType]) reach(scope, type);
  drop(whole, '');
}

class PartOfTheApi extends protobuf.Root {
  override addJSON(nested: Record<string, protobuf.AnyNestedObject>): this {
    prune({ nested: nested as Record<string, Node> });
    super.addJSON(nested);
    // Setting up one resolves the edition's features for all, on which codecs depend.
    this.lookupType('temporal.api.workflowservice.v1.GetSystemInfoRequest').setup();
    return this;
  }
}

// Where @temporalio/proto looks for a root before it makes its own.
protobuf.roots['__temporal'] ??= new PartOfTheApi();

const { Reader, Writer, util } = protobuf;
const typesOf = (type: protobuf.Type) => type.fieldsArray.map((field) => field.resolve().resolvedType);

// The one function that is called is made, where protobufjs makes all five.
Object.assign(protobuf.Type.prototype, {
  encode(this: protobuf.Type, ...args: Parameters<protobuf.Type['encode']>) {
    this.encode = protobuf.encoder(this)({ Writer, util, types: typesOf(this) }) as protobuf.Type['encode'];
    return this.encode(...args);
  },
  decode(this: protobuf.Type, ...args: Parameters<protobuf.Type['decode']>) {
    this.decode = protobuf.decoder(this)({
      Reader,
      util,
      types: typesOf(this),
      C: this.ctor,
    }) as protobuf.Type['decode'];
    return this.decode(...args);
  },
});
