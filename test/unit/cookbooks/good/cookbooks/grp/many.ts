import { CookbookBase, CookbookRunnerBase } from 'sumac';

class Runner extends CookbookRunnerBase {
  async run() {}
}
export class Add extends CookbookBase {
  override title = 'Adds';
  override ownerTeam = 'teamy';
  getRunner() {
    return new Runner();
  }
}
export class Remove extends CookbookBase {
  override title = 'Removes';
  getRunner() {
    return new Runner();
  }
}
