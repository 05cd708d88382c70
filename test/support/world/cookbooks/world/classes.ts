import { CookbookBase, CookbookRunnerBase, type Args } from 'sumac';
import { set } from '../../call.ts';

class Greeting extends CookbookRunnerBase {
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  override get runtimeDescription() {
    return `for ${this.name}`;
  }
  override get skipStartSal() {
    return true;
  }
  override async run() {
    await set(`hello ${this.name}`);
  }
}

/** Its effect is outside of a step, which the engine refuses. */
export class Outside extends CookbookBase {
  override title = 'An effect outside of a step';
  override getRunner(args: Args) {
    return new Greeting(String(args.name));
  }
}

export class Inside extends CookbookBase {
  override title = 'The same in a step';
  override getRunner(args: Args) {
    const { spicerack } = this;
    return new (class extends Greeting {
      override async run() {
        await spicerack.step('greet', { write: () => set(`hello ${this.name}`), undo: () => set(`bye ${this.name}`) });
      }
    })(String(args.name));
  }
}
