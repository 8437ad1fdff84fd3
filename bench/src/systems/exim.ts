import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { openAccount, writeFiles } from "../account.ts";
import { answers, freePort, need, stopProcess } from "../load.ts";
import type { StartSystem } from "./system.ts";

/** Debian's Exim (bookworm's 4.96) with a spool of its own. */
export const exim: StartSystem = async ({ sinkPort, hold, directory }) => {
  const path = need("exim-4.96");
  const port = await freePort();
  mkdirSync(`${directory}/spool`, { recursive: true });
  mkdirSync(`${directory}/log`, { recursive: true });
  // Exim executes itself again and again; as another user it could not where the programs lie below a private directory.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(directory, 0o755);
    chownSync(`${directory}/spool`, 65533, 65533);
  }
  writeFiles(directory, {
    "exim.conf": `
exim_path = ${path}
primary_hostname = exim.bench.test
${isRoot ? "exim_user = root\nexim_group = root" : ""}
spool_directory = ${directory}/spool
log_file_path = ${directory}/log/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
tls_advertise_hosts =
message_size_limit = 50M
acl_smtp_rcpt = accept
acl_smtp_data = accept
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
${isRoot ? "  user = 65533\n  group = 65533" : ""}
begin retry
* * F,1h,1m
`,
  });
  const account = openAccount("exim");
  const [command = "", ...prefix] = account.prefix;
  const args = [...prefix, path, "-C", `${directory}/exim.conf`, "-bdf", ...(hold ? [] : ["-q1s"])];
  const daemon = spawn(command, args, { stdio: "ignore" });
  await answers(port);
  return {
    name: "exim 4.96",
    port,
    account,
    async stop() {
      await stopProcess(daemon);
      account.close();
    },
  };
};
