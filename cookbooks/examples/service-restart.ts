import { CookbookBase, CookbookRunnerBase, type Command, type Spicerack } from '../../src/sumac.ts';

interface Args {
  query: string;
  unit: string;
}

export class ServiceRestart extends CookbookBase {
  override title = 'Restart a systemd unit, host by host';

  override argumentParser(parser: Command) {
    parser.argument('<query>', 'the hosts').argument('<unit>', 'systemd unit, for example nova-compute.service');
  }

  override getRunner(args: Args) {
    return new ServiceRestartRunner(args, this.spicerack);
  }
}

class ServiceRestartRunner extends CookbookRunnerBase {
  readonly args: Args;
  readonly spicerack: Spicerack;

  constructor(args: Args, spicerack: Spicerack) {
    super();
    this.args = args;
    this.spicerack = spicerack;
  }

  override get hosts() {
    return this.args.query;
  }
  override get lockHosts() {
    return true;
  }
  override get runtimeDescription() {
    return `${this.args.unit} on ${this.args.query}`;
  }
  override get lockArgs() {
    return { suffix: this.args.unit, concurrency: 1, ttl: '30m' };
  }

  async run() {
    const { unit } = this.args;
    for (const host of this.spicerack.hosts) {
      await this.spicerack.step(`restart ${unit} on ${host.folded}`, {
        write: () => host.runSync(`systemctl restart ${unit}`),
        // Whether it was restarted or not, it has to run.
        undo: () => host.runSync(`systemctl start ${unit}`),
      });
    }
  }
}
