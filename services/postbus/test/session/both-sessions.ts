import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Resolver } from "@postbus/dns";
import { checkConfiguration } from "@postbus/policy";
import { runSession } from "../../src/session/run-session.ts";

const CLIENT = "198.51.100.20";
const NO_NAMES: Resolver = {
  resolve: async () => ({ state: "no such name", authenticated: false, ttlSeconds: 0 }),
};

/** Main options of every case. @param directory Of spool and logs. */
export function preamble(directory: string): string {
  return `primary_hostname = mail.shop.example
spool_directory = ${directory}/spool
log_file_path = ${directory}/log/%slog
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
qualify_domain = shop.example
timezone = UTC
smtp_banner = mail.shop.example ESMTP ready
`;
}

/** The replies of a real Exim (`-bh`), one after another. Undefined: it does not take the configuration. */
export async function eximSession(
  exim: string,
  directory: string,
  config: string,
  input: readonly string[],
): Promise<{ readonly replies: string; readonly log: string } | undefined> {
  for (const sub of ["spool", "log"]) mkdirSync(join(directory, sub), { recursive: true });
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chmodSync(directory, 0o755);
  const file = join(directory, "exim.conf");
  const own = `exim_path = ${exim}\n${isRoot ? "exim_user = root\nexim_group = root\n" : ""}`;
  writeFileSync(file, own + preamble(directory) + config, "latin1");
  const child = spawn(exim, ["-C", file, "-bh", CLIENT], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input.map((line) => `${line}\r\n`).join(""), "latin1");
  const [output, log] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  // Before the banner, Exim says that this is not for real.
  const replies = output.replace(/^(?:\n|\*\*\*\* .*\n|\r\n)*/, "").replaceAll(/\n?\*\*\*\* SMTP testing: .*\n\n/g, "");
  return /configuration error|Exim configuration file/.test(log) && replies === "" ? undefined : { replies, log };
}

/** The replies of ours. @param config Complete. @param directory Of the state. Undefined: the configuration is not taken. */
export async function ourSession(
  directory: string,
  config: string,
  input: readonly string[],
  { client = CLIENT, resolver = NO_NAMES }: { readonly client?: string; readonly resolver?: Resolver } = {},
): Promise<{ readonly replies: string; readonly log: string } | undefined> {
  const file = "/policy";
  const text = Buffer.from(config, "latin1");
  const { configuration, faults } = checkConfiguration({
    file,
    readFile: (path) => (path === file ? text : undefined),
  });
  if (configuration === undefined) return undefined;
  let replies = "";
  let log = faults.join("\n");
  await runSession({
    configuration,
    client: { address: client, port: 0 },
    file,
    dataDirectory: join(directory, "data"),
    redisUrl: undefined,
    resolver,
    hostname: "mail.shop.example",
    localAddresses: ["127.0.0.1"],
    environment: {},
    input: (async function* () {
      yield Buffer.from(input.map((line) => `${line}\n`).join(""), "latin1");
    })(),
    write: (octets) => {
      replies += octets;
    },
    trace: (line) => {
      log += `${line}\n`;
    },
  });
  return { replies, log };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  return (await Array.fromAsync(stream, (chunk) => chunk.toString("latin1"))).join("");
}

/**
 * One line for each reply, without what may differ: the list of extensions, ids of messages, where long texts are cut
 * (Exim does not cut those of a `discard`).
 */
export function comparable(replies: string): string[] {
  const whole: string[] = [];
  let open = "";
  for (const line of replies.split("\r\n")) {
    open = open === "" ? line : `${open} ${line.slice(4)}`;
    if (line.charAt(3) === "-") continue;
    whole.push(open);
    open = "";
  }
  return whole.map((text) =>
    text
      .replace(/^(250.[^[\]]*\[.*?\]).*/, "$1")
      .replace(/^(250[^[\]]*?) SIZE .*/, "$1")
      .replace(/ id=\S+/, " id=ID")
      .replace(/^(...)-/, "$1 "),
  );
}

/**
 * Where Exim is not followed. What DATA says of refused recipients: Exim repeats the reason where there was no transaction,
 * and where the first of them was told more; and it remembers that a recipient was discarded when its transaction has
 * ended, so that the next DATA is let through.
 */
export function isKnownDifference(exim: string, ours: string): boolean {
  if (ours.startsWith("503")) return exim.startsWith("503 All RCPT") || !exim.startsWith("503");
  // Before MAIL, the sender of `-bh` is the user who has called it.
  return exim.replace(/[a-z]+@shop\.example$/, "") === ours;
}
