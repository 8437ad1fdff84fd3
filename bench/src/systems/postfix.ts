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
${filter === undefined ? "" : ASK_POLICYD}
myhostname = postfix.bench.test
mydestination =
relayhost = [127.0.0.1]:${sinkPort}
message_size_limit = 52428800
${isTuned ? "in_flow_delay = 0" : ""}
${hold ? "defer_transports = smtp relay" : ""}
`;
    const commandPrefix = [...account.prefix, ...(filter?.prefix ?? [])];
    const services = filter === undefined ? "" : policyd(directory);
    const server = await startPostfix(main, { port: await freePort(), directory, commandPrefix, services });
    return {
      name: `${isTuned ? "postfix (in_flow_delay = 0)" : "postfix"}${filter === undefined ? "" : " + OpenDKIM + policyd-spf"}`,
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

const ASK_POLICYD = `smtpd_recipient_restrictions = check_policy_service unix:private/policyd-spf, permit_mynetworks, reject
policyd-spf_time_limit = 3600`;

/** A line of master.cf for Debian's policyd-spf as its documentation has it, but that it looks at clients of this machine, too. */
function policyd(directory: string): string {
  const configuration = join(directory, "policyd-spf.conf");
  writeFileSync(
    configuration,
    "debugLevel = 0\nHELO_reject = False\nMail_From_reject = Softfail\nPermError_reject = True\nTempError_Defer = True\nskip_addresses = 192.0.2.1/32\n",
  );
  return `policyd-spf unix - n n - 0 spawn user=nobody argv=${need("policyd-spf")} ${configuration}`;
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
