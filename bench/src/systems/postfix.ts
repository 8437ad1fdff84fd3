import { freePort, postfixIsMissing, startPostfix } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import type { StartSystem } from "./system.ts";

/**
 * Debian's Postfix.
 *
 * @param isTuned `in_flow_delay = 0`: without it Postfix slows its clients down on purpose when mail comes in faster than it goes out.
 */
export function postfix(isTuned: boolean): StartSystem {
  return async ({ sinkPort, hold, directory }) => {
    const missing = postfixIsMissing();
    if (missing !== undefined) throw new Error(missing);
    const account = openAccount("postfix");
    const main = `
myhostname = postfix.bench.test
mydestination =
relayhost = [127.0.0.1]:${sinkPort}
message_size_limit = 52428800
${isTuned ? "in_flow_delay = 0" : ""}
${hold ? "defer_transports = smtp relay" : ""}
`;
    const server = await startPostfix(main, { port: await freePort(), directory, commandPrefix: account.prefix });
    return {
      name: isTuned ? "postfix (in_flow_delay = 0)" : "postfix",
      port: server.port,
      account,
      async stop() {
        await server.stop();
        account.close();
      },
    };
  };
}
