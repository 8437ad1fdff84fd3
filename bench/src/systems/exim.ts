import { freePort, startExim } from "@postbus/testkit";
import { openAccount } from "../account.ts";
import type { StartSystem } from "./system.ts";

/** Debian's Exim (bookworm's 4.96). */
export const exim: StartSystem = async ({ sinkPort, hold, directory }) => {
  const account = openAccount("exim");
  const config = `
primary_hostname = exim.bench.test
message_size_limit = 50M
${hold ? "queue_only = true" : ""}
begin routers
smarthost:
  driver = manualroute
  transport = remote_smtp
  route_list = * 127.0.0.1
  self = send
begin transports
remote_smtp:
  driver = smtp
  port = ${sinkPort}
  allow_localhost
  EXIM_USER
begin retry
* * F,1h,1m
`;
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
