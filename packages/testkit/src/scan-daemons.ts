import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { type MailServer, type MailServerOptions, stopProcess } from "./mail-server.ts";

const CLAMD = "/usr/sbin/clamd";
const SPAMD = "/usr/sbin/spamd";

/** Why clamd cannot be started here; undefined if it can. */
export const clamdIsMissing = (): string | undefined => missing(CLAMD, "clamav-daemon");

/** Why SpamAssassin's spamd cannot be started here; undefined if it can. */
export const spamdIsMissing = (): string | undefined => missing(SPAMD, "spamd");

/**
 * clamd (ClamAV) with one signature of its own, `Postbus.Test`, which it finds wherever `postbus-test-signature` stands, and
 * reports with `.UNOFFICIAL` behind; also on the socket `<directory>/clamd.sock`. It takes messages of 1 MiB.
 */
export async function startClamd({ port, directory }: MailServerOptions): Promise<MailServer> {
  mkdirSync(`${directory}/db`, { recursive: true });
  const signature = Buffer.from("postbus-test-signature", "latin1").toString("hex");
  writeFileSync(`${directory}/db/test.ndb`, `Postbus.Test:0:*:${signature}\n`);
  writeFileSync(
    `${directory}/clamd.conf`,
    `Foreground yes
LocalSocket ${directory}/clamd.sock
TCPSocket ${port}
TCPAddr 127.0.0.1
DatabaseDirectory ${directory}/db
StreamMaxLength 1M
`,
  );
  return started(CLAMD, ["-c", `${directory}/clamd.conf`], { port, directory });
}

/** spamd (SpamAssassin) with one rule of its own, `POSTBUS_TEST`: 7.5 of 5 points for a subject that says `spam`. */
export async function startSpamd({ port, directory }: MailServerOptions): Promise<MailServer> {
  mkdirSync(`${directory}/home`, { recursive: true });
  chmodSync(directory, 0o755);
  writeFileSync(`${directory}/own.pre`, "loadplugin Mail::SpamAssassin::Plugin::Check\n");
  writeFileSync(
    `${directory}/own.cf`,
    `required_score 5
header POSTBUS_TEST Subject =~ /spam/
describe POSTBUS_TEST Subject says so
score POSTBUS_TEST 7.5
clear_report_template
report Score _SCORE_ of _REQD_
report _SUMMARY_
`,
  );
  const children = ["--max-children=1", "--min-children=1", "--max-spare=1"];
  const own = ["-C", directory, `--siteconfigpath=${directory}`, "-H", `${directory}/home`, "-r", `${directory}/pid`];
  const args = ["-x", "-L", "-s", "stderr", "-i", "127.0.0.1", "-p", `${port}`, ...children, ...own];
  return started(SPAMD, args, { port, directory });
}

function missing(program: string, debianPackage: string): string | undefined {
  return existsSync(program) ? undefined : `${program} is not installed (Debian: apt-get install ${debianPackage})`;
}

async function started(program: string, args: readonly string[], server: MailServerOptions): Promise<MailServer> {
  const { port, directory } = server;
  const child = spawn(program, args, { stdio: "ignore" });
  await listens(port);
  return { port, directory, stop: () => stopProcess(child) };
}

/** Until something listens: these say nothing before they are asked. */
async function listens(port: number): Promise<void> {
  const end = performance.now() + 60_000;
  while (performance.now() < end) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100)); // Not up yet.
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`nothing listens on port ${port}`);
}
