import type { Config } from '../config/schema.ts';

/** The page of a run in the Temporal UI; undefined when the configuration does not say where that is. */
export const uiLink = ({ temporal: { ui, namespace } }: Config, run: string): string | undefined =>
  ui === undefined
    ? undefined
    : `${ui.replace(/\/$/, '')}/namespaces/${namespace}/workflows/${encodeURIComponent(run)}`;
