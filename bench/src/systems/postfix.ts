import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { openAccount, writeFiles } from "../account.ts";
import { answers, freePort } from "../load.ts";
import type { StartSystem } from "./system.ts";

/**
 * Debian's Postfix with a configuration and a queue of its own.
 *
 * @param isTuned `in_flow_delay = 0`: without it Postfix slows its clients down on purpose when mail comes in faster than it goes out.
 */
export function postfix(isTuned: boolean): StartSystem {
  return async ({ sinkPort, hold, directory }) => {
    if (!existsSync("/usr/sbin/postfix")) throw new Error("Postfix is not installed (Debian: apt-get install postfix)");
    const name = isTuned ? "postfix (in_flow_delay = 0)" : "postfix";
    const port = await freePort();
    const config = `${directory}/etc`;
    for (const sub of ["spool", "data", "etc"]) mkdirSync(`${directory}/${sub}`, { recursive: true });
    chmodSync(directory, 0o755);
    execFileSync("chown", ["postfix", `${directory}/data`]);
    // Debian's list of services, with our port for smtpd and without chroot.
    const services = readFileSync("/usr/share/postfix/master.cf.dist", "utf8")
      .split("\n")
      .filter((line) => !line.startsWith("#") && !line.startsWith(" "))
      .map((line) => line.replace(/^smtp(\s+)inet/, `127.0.0.1:${port}$1inet`))
      .map((line) => line.replace(/^(\S+\s+\S+\s+\S+\s+\S+\s+)[y-](\s)/, "$1n$2"));
    writeFiles(config, {
      "master.cf": `${services.join("\n")}\n`,
      "main.cf": `
compatibility_level = 3.6
queue_directory = ${directory}/spool
data_directory = ${directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.bench.test
mydestination =
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:${sinkPort}
message_size_limit = 52428800
maillog_file_prefixes = ${directory}
maillog_file = ${directory}/mail.log
smtp_tls_security_level = none
smtpd_tls_security_level = none
alias_maps =
${isTuned ? "in_flow_delay = 0" : ""}
${hold ? "defer_transports = smtp relay" : ""}
`,
    });
    const account = openAccount("postfix");
    const [command = "", ...prefix] = account.prefix;
    const run = (...args: string[]) =>
      execFileSync(command, [...prefix, "/usr/sbin/postfix", "-c", config, ...args], {
        stdio: ["ignore", "ignore", "ignore"],
      });
    run("start");
    await answers(port);
    return {
      name,
      port,
      account,
      async stop() {
        const stopping = spawn("/usr/sbin/postfix", ["-c", config, "stop"], { stdio: "ignore" });
        await new Promise((resolve) => stopping.on("exit", resolve));
        account.close();
      },
    };
  };
}
