import { transport } from '../../support/ssh2-transport.ts';
import { transportLoadContract } from '../../support/transport-load.ts';

transportLoadContract(transport, import.meta.resolve('../../support/ssh2-transport.ts'));
