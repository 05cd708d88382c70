import { transport } from '../../support/ssh2-transport.ts';
import { transportContract } from '../../support/transport-contract.ts';

transportContract(transport);
