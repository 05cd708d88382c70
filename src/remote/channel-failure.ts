/** Why a command did not get a channel, or lost it before it was known to have started. */
export class ChannelFailure extends Error {
  /** closed: the connection was dead. refused: the host gave no channel. lost: the connection died as the command was sent. */
  readonly reason: 'closed' | 'refused' | 'lost';
  constructor(reason: ChannelFailure['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
