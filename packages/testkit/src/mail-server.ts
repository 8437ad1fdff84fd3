import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { program } from "./program.ts";

/** A real mail server of somebody else's. */
export interface MailServer {
  readonly port: number;
  readonly directory: string;
  stop(): Promise<void>;
}

export interface MailServerOptions {
  readonly port: number;
  /** Empty directory for its configuration, queue and logs. */
  readonly directory: string;
  /** Put before its command line, e.g. to count what it uses. */
  readonly commandPrefix?: readonly string[];
}

/** Not root, and nobody's account: what the servers become where they want to be somebody else. */
const NOBODY = 65_533;
const POSTFIX = "/usr/sbin/postfix";
const POSTFIX_SERVICES = "/usr/share/postfix/master.cf.dist";

/** Why Postfix cannot be started here; undefined if it can. Unlike the others it must be installed: it wants its accounts. */
export function postfixIsMissing(): string | undefined {
  if (!existsSync(POSTFIX)) return "Postfix is not installed (Debian: apt-get install postfix)";
  return process.getuid?.() === 0 ? undefined : "Postfix can only be started by root";
}

interface PostfixOptions extends MailServerOptions {
  /** Further lines for master.cf. */
  readonly services?: string;
}

/** Debian's Postfix with a configuration and a queue of its own. @param main Lines for main.cf. */
export async function startPostfix(main: string, options: PostfixOptions): Promise<MailServer> {
  const { port, directory, commandPrefix = [], services: more = "" } = options;
  const config = `${directory}/etc`;
  for (const sub of ["spool", "data", "etc"]) mkdirSync(`${directory}/${sub}`, { recursive: true });
  chmodSync(directory, 0o755);
  execFileSync("chown", ["postfix", `${directory}/data`]);
  // The distribution's list of services, with our port for smtpd and without chroot.
  const services = readFileSync(POSTFIX_SERVICES, "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("#") && !line.startsWith(" "))
    .map((line) => line.replace(/^smtp(\s+)inet/, `127.0.0.1:${port}$1inet`))
    .map((line) => line.replace(/^(\S+\s+\S+\s+\S+\s+\S+\s+)[y-](\s)/, "$1n$2"));
  writeFileSync(`${config}/master.cf`, `${services.join("\n")}\n${more}\n`);
  writeFileSync(
    `${config}/main.cf`,
    `compatibility_level = 3.6
queue_directory = ${directory}/spool
data_directory = ${directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
maillog_file_prefixes = ${directory}
maillog_file = ${directory}/mail.log
smtp_tls_security_level = none
smtpd_tls_security_level = none
alias_maps =
${main}
`,
  );
  const [command = POSTFIX, ...args] = [...commandPrefix, POSTFIX, "-c", config, "start"];
  execFileSync(command, args, { stdio: "ignore" });
  await answers(port);
  return {
    port,
    directory,
    stop: async () => {
      await once(spawn(POSTFIX, ["-c", config, "stop"], { stdio: "ignore" }), "exit");
    },
  };
}

/** Gives a message to Postfix's sendmail with a configuration that `startPostfix` made. */
export function postfixSendmail(server: MailServer, args: readonly string[], message: string): void {
  execFileSync("/usr/sbin/sendmail", ["-C", `${server.directory}/etc`, ...args], { input: message });
}

/**
 * Exim with a spool of its own. @param name `exim-4.96`, `exim-4.98`, `exim-4.100`.
 * @param config Main options behind ours, and the sections. Transports want `EXIM_USER` in them.
 * @param arguments_ Behind `-bdf`: `-q1s` for queue runs.
 */
export async function startExim(
  name: string,
  config: string,
  options: MailServerOptions,
  ...arguments_: string[]
): Promise<MailServer> {
  const { port, directory, commandPrefix = [] } = options;
  const [command = "", ...args] = [...commandPrefix, ...eximCommand(name, config, options), "-bdf", ...arguments_];
  const daemon = spawn(command, args, { stdio: "ignore" });
  await answers(port);
  return { port, directory, stop: () => stopProcess(daemon) };
}

/** Writes the configuration; gives the command line to which Exim's own options are added. */
export function eximCommand(name: string, config: string, { port, directory }: MailServerOptions): string[] {
  const path = program(name);
  if (path === undefined) throw new Error(`${name} is not on this machine`);
  mkdirSync(`${directory}/spool`, { recursive: true });
  mkdirSync(`${directory}/log`, { recursive: true });
  // Exim executes itself again and again; as another user it could not where its files lie below a private directory.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(directory, 0o755);
    chownSync(`${directory}/spool`, NOBODY, NOBODY);
  }
  writeFileSync(
    `${directory}/exim.conf`,
    `exim_path = ${path}
${isRoot ? "exim_user = root\nexim_group = root" : ""}
spool_directory = ${directory}/spool
log_file_path = ${directory}/log/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
${unlessSet("tls_advertise_hosts", "", config)}
${unlessSet("acl_smtp_rcpt", "accept", config)}
${unlessSet("acl_smtp_data", "accept", config)}
${config.replaceAll("EXIM_USER", isRoot ? `user = ${NOBODY}\n  group = ${NOBODY}` : "")}
`,
  );
  return [path, "-C", `${directory}/exim.conf`];
}

/** Exim refuses an option that is set twice. */
const unlessSet = (option: string, value: string, config: string): string =>
  new RegExp(`^${option} *=`, "m").test(config) ? "" : `${option} = ${value}`;

/** Resolves when something answers on the port with a line. */
export async function answers(port: number, deadlineMs = 30_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (performance.now() < end) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "data", { signal: AbortSignal.timeout(2_000) });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100)); // Not up yet.
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`nothing answers on port ${port} after ${deadlineMs} ms`);
}

/** Ends a process and waits for it; SIGKILL after `graceMs`. */
export async function stopProcess(child: ChildProcess, graceMs = 15_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(timer);
}
