import { defineSearchAttributeKey } from '@temporalio/common';

/** Search attributes of every run; `temporal-dev.sh` registers them, any other server needs them before the first run. */
export const searchAttributes = {
  Operator: defineSearchAttributeKey('Operator', 'KEYWORD'),
  Phase: defineSearchAttributeKey('Phase', 'KEYWORD'),
  Task: defineSearchAttributeKey('Task', 'KEYWORD'),
  Hosts: defineSearchAttributeKey('Hosts', 'KEYWORD_LIST'),
  NeedsAnswer: defineSearchAttributeKey('NeedsAnswer', 'BOOL'),
  DryRun: defineSearchAttributeKey('DryRun', 'BOOL'),
  FailedHosts: defineSearchAttributeKey('FailedHosts', 'INT'),
};
