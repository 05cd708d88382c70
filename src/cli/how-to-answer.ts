const bare = /^[\w.-]+$/;

/** How a run is answered from a shell: `cookbook answer RUN go|abort`. */
export function howToAnswer(run: string, choices: readonly string[] | undefined, prompt?: string): string {
  const value = choices?.map((choice) => (bare.test(choice) ? choice : `'${choice}'`)).join('|') ?? 'TEXT';
  return `cookbook answer ${run} ${value}${prompt === undefined ? '' : ` --prompt ${prompt}`}`;
}
