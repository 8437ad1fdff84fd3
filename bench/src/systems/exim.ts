import { eximAsClient, freePort, startExim } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import { filterPolicy } from "../filter-lab.ts";
import type { StartSystem } from "./system.ts";

/**
 * Exim as the tests start it, tuned for many clients: its backlog of 20 would lose connections to the kernel's pauses.
 *
 * @param version `4.96`: a program of that name is looked for (`packages/testkit/fetch-servers.sh`).
 */
export function exim(version: string): StartSystem {
  return async ({ sinkPort, hold, directory, filter }) => {
    const account = openAccount("exim");
    const main = `message_size_limit = 50M
smtp_connect_backlog = 511
smtp_accept_max_per_connection = 0
${hold ? "queue_only" : ""}
`;
    const config =
      filter === undefined
        ? main + eximAsClient(sinkPort)
        : filterPolicy(sinkPort, `primary_hostname = exim.test\nacl_smtp_dkim = accept\n${main}`).replace(
            "driver = smtp",
            "driver = smtp\n  allow_localhost\n  EXIM_USER",
          );
    const commandPrefix = [...account.prefix, ...(filter?.prefix ?? [])];
    const options = { port: await freePort(), directory, commandPrefix };
    const server = await startExim(`exim-${version}`, config, options, ...(hold ? [] : ["-q1s"]));
    return {
      ...{ name: `exim ${version}`, port: server.port, account },
      async stop() {
        await server.stop();
        account.close();
      },
    };
  };
}
