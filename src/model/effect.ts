/** What kind of change an activity makes; declared once beside it, it decides how the engine repeats it (DESIGN.md section 5). */
export type EffectClass = 'read' | 'condition' | 'converge' | 'create' | 'one-shot' | 'long' | 'secret';

/** The class of every activity by its name, written into the workflow bundle when it is built. */
export type EffectTable = Readonly<Record<string, EffectClass>>;

/** Whether an activity of this class leaves the world as it was, so that it also runs in a dry run. */
export const isSafe = (effect: EffectClass): boolean => effect === 'read' || effect === 'condition';
