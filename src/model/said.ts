/** The end of what a command has said so far. */
export interface Said {
  /** Place of the command. */
  command: number;
  /** How many bytes it had said before these. */
  at: number;
  /** In base64. */
  bytes: string;
}
