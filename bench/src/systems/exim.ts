import { eximAsClient, freePort, startExim } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import type { StartSystem } from "./system.ts";

/** Debian's Exim (bookworm's 4.96). */
export const exim: StartSystem = async ({ sinkPort, hold, directory }) => {
  const account = openAccount("exim");
  const main = `message_size_limit = 50M\n${hold ? "queue_only = true\n" : ""}`;
  const config = main + eximAsClient(sinkPort);
  const options = { port: await freePort(), directory, commandPrefix: account.prefix };
  const server = await startExim("exim-4.96", config, options, ...(hold ? [] : ["-q1s"]));
  return {
    name: "exim 4.96",
    port: server.port,
    account,
    async stop() {
      await server.stop();
      account.close();
    },
  };
};
