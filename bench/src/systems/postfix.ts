import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, postfixIsMissing, startPostfix, stopProcess } from "@postbus/testkit";
import { type Account, openAccount } from "../account.ts";
import type { FilterLab } from "../filter-lab.ts";
import { need } from "../load.ts";
import type { StartSystem } from "./system.ts";

/**
 * Debian's Postfix.
 *
 * @param isTuned `in_flow_delay = 0`: without it Postfix slows its clients down on purpose when mail comes in faster than it goes out.
 */
export function postfix(isTuned: boolean): StartSystem {
  return async ({ sinkPort, hold, directory, filter }) => {
    const missing = postfixIsMissing();
    if (missing !== undefined) throw new Error(missing);
    const account = openAccount("postfix");
    const milter = filter && (await startOpendkim(filter, directory, account));
    const main = `
${milter === undefined ? "" : `smtpd_milters = inet:127.0.0.1:${milter.port}`}
myhostname = postfix.bench.test
mydestination =
relayhost = [127.0.0.1]:${sinkPort}
message_size_limit = 52428800
${isTuned ? "in_flow_delay = 0" : ""}
${hold ? "defer_transports = smtp relay" : ""}
`;
    const server = await startPostfix(main, { port: await freePort(), directory, commandPrefix: account.prefix });
    return {
      name: `${isTuned ? "postfix (in_flow_delay = 0)" : "postfix"}${filter === undefined ? "" : " + OpenDKIM, no SPF"}`,
      port: server.port,
      account,
      async stop() {
        await server.stop();
        await milter?.stop();
        account.close();
      },
    };
  };
}

/** It is told the keys, and refuses what is not proved. */
async function startOpendkim({ keyFile }: FilterLab, directory: string, account: Account) {
  const port = await freePort();
  const configuration = join(directory, "opendkim.conf");
  const refusals = ["On-BadSignature reject", "On-NoSignature reject", "On-KeyNotFound reject"].join("\n");
  writeFileSync(
    configuration,
    `Mode v\nSyslog no\nUserID nobody\nInternalHosts 192.0.2.1\nSocket inet:${port}@127.0.0.1\nTestPublicKeys ${keyFile}\n${refusals}\n`,
  );
  const [command = "", ...args] = [...account.prefix, need("opendkim"), "-f", "-x", configuration];
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  return { port, stop: () => stopProcess(child) };
}
