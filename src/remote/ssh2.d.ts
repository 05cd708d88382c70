// Parts of ssh2 by their own names: its index also loads an HTTPS client, a server and a key generator, which cost a short-lived process 17 ms.
declare module 'ssh2/lib/client.js' {
  import { Client } from 'ssh2';
  export default Client;
}
declare module 'ssh2/lib/agent.js' {
  import type { BaseAgent, OpenSSHAgent } from 'ssh2';
  const agents: { BaseAgent: typeof BaseAgent; OpenSSHAgent: typeof OpenSSHAgent };
  export default agents;
}
declare module 'ssh2/lib/protocol/keyParser.js' {
  import type { utils } from 'ssh2';
  const parser: Pick<typeof utils, 'parseKey'>;
  export default parser;
}
declare module 'ssh2/lib/protocol/utils.js' {
  const messages: { sendPacket: (protocol: object, packet: Buffer) => boolean };
  export default messages;
}
