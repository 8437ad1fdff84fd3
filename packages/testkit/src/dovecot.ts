import { spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { answers, type MailServer, type MailServerOptions, stopProcess } from "./mail-server.ts";

const DOVECOT = "/usr/sbin/dovecot";
const LMTP = "/usr/lib/dovecot/lmtp";
/** Not root: Dovecot delivers as nobody that is below its bounds. */
const MAIL_USER = 65_533;

/** Why Dovecot's LMTP server cannot be started here; undefined if it can. */
export function dovecotIsMissing(): string | undefined {
  if (!existsSync(DOVECOT) || !existsSync(LMTP)) {
    return "Dovecot's LMTP is not installed (Debian: apt-get install dovecot-lmtpd)";
  }
  return process.getuid?.() === 0 ? undefined : "Dovecot can only be started by root";
}

/**
 * Dovecot (2.3) as an LMTP server, with Maildirs in `<directory>/mail/<user>/new`.
 *
 * @param users Those whom it knows, by their whole addresses.
 */
export async function startDovecotLmtp(
  users: readonly string[],
  { port, directory }: MailServerOptions,
): Promise<MailServer> {
  mkdirSync(`${directory}/mail`, { recursive: true });
  chmodSync(directory, 0o755);
  chownSync(`${directory}/mail`, MAIL_USER, MAIL_USER);
  const accounts = users.map((user) => `${user}::${MAIL_USER}:${MAIL_USER}::${directory}/mail/${user}::\n`);
  writeFileSync(`${directory}/users`, accounts.join(""));
  writeFileSync(
    `${directory}/dovecot.conf`,
    `protocols = lmtp
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
ssl = no
mail_location = maildir:~
first_valid_uid = 1000
postmaster_address = postmaster@dovecot.test
hostname = dovecot.test
passdb {
  driver = passwd-file
  args = ${directory}/users
}
userdb {
  driver = passwd-file
  args = ${directory}/users
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
`,
  );
  const dovecot = spawn(DOVECOT, ["-F", "-c", `${directory}/dovecot.conf`], { stdio: "ignore" });
  await answers(port);
  return { port, directory, stop: () => stopProcess(dovecot) };
}
