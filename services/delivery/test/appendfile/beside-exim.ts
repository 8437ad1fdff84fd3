import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { eximCommand } from "@postbus/testkit";
import { HOST, Mailboxes } from "./mailboxes.ts";

export const EXIM = "exim-4.98";
const USER = process.getuid?.() === 0 ? 65_533 : (process.getuid?.() ?? 0);

export interface Row {
  readonly name: string;
  /** Of the transport; `DIR` is the directory of the mailboxes. */
  readonly options: string;
  readonly recipients?: readonly string[];
  readonly message?: string;
  /** Makes what is there before, as the owner of the mailboxes (see `own`). */
  readonly before?: (root: string, own: (path: string) => void) => void;
  /** How often it is delivered. */
  readonly times?: number;
}

/** What came of a row: files with modes and contents, and results, without what differs each time. */
export interface Seen {
  readonly results: readonly string[];
  readonly files: readonly string[];
}

const MESSAGE = `From: s@x.test
To: u1@a.test
Subject: x
Message-Id: <m@x.test>
Date: Sat, 21 Nov 2026 01:36:36 +0000

From me
body
.dot
 From here
`;

/** The row with real Exim. */
export function withExim({ options, recipients = ["u1@a.test"], message = MESSAGE, before, times = 1 }: Row): Seen {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "postbus-beside-")));
  try {
    const root = join(directory, "mail");
    mkdirSync(root);
    const own = (path: string): void => lchownSync(path, USER, USER);
    chmodSync(directory, 0o755);
    own(root);
    before?.(root, own);
    const transport = options.replaceAll("DIR", root);
    const config = `primary_hostname = ${HOST}
timezone = UTC
begin routers
r:
  driver = accept
  domains = a.test : b.test
  local_parts = lsearch;${directory}/users
  transport = t
begin transports
t:
  driver = appendfile
${transport}
  EXIM_USER
begin retry
* * F,1h,1m
`;
    const users = ["u1", "u2", "u3"].map((user) => `${user}: ${user}\n`).join("");
    const command = eximCommand(EXIM, config, { port: 0, directory });
    writeFileSync(join(directory, "users"), users);
    const [file = "", ...args] = command;
    for (let i = 0; i < times; i++) {
      execFileSync(file, [...args, "-f", "s@x.test", "-odi", ...recipients], {
        input: message,
        stdio: ["pipe", "ignore", "ignore"],
      });
    }
    return { results: logged(join(directory, "log/mainlog"), root), files: files(root) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The row with us. */
export async function withPostbus({
  options,
  recipients = ["u1@a.test"],
  message = MESSAGE,
  before,
  times = 1,
}: Row): Promise<Seen> {
  using boxes = new Mailboxes();
  before?.(boxes.root, () => undefined);
  const results: string[] = [];
  for (let i = 0; i < times; i++) {
    const found = await boxes.deliver({
      options,
      recipients,
      id: `1vMhGf-0000000012a-0Ab${i}_0_1`,
      content: { kind: "inline", octets: Buffer.from(message.replaceAll("\n", "\r\n"), "latin1") },
      item: { returnPath: "s@x.test" },
    });
    for (const result of found) {
      results.push(
        result.outcome === "deferred" ? masked(`defer (${result.errno}): ${result.text}`, boxes.root) : "delivered",
      );
    }
  }
  return { results, files: files(boxes.root) };
}

function logged(path: string, root: string): string[] {
  const lines = readFileSync(path, "latin1").split("\n");
  return lines.flatMap((line) => {
    if (/ [-=]> /.test(line)) return ["delivered"];
    const [, errno, text = ""] = / defer \((-?\d+)\)(?:: (.*))?$/.exec(line) ?? [];
    if (errno === undefined || !line.includes(" == ")) return [];
    const words = Number(errno) > 0 ? text.replace(/^[^:]+: /, "") : text;
    return [masked(`defer (${errno}): ${words}`, root)];
  });
}

function masked(text: string, root: string): string {
  return text
    .replaceAll(root, "DIR")
    .replace(/temp\.[^ )]+/, "temp.NAME")
    .replace(/\btmp\/[^ )]+/, "tmp/NAME")
    .replace(/\.lock\.[^ ]+/, ".lock.NAME")
    .replace(/euid=\d+ egid=\d+/, "euid=N egid=N")
    .replace(/\((\d+) != \d+\)/, "($1 != N)");
}

function files(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const mode = (lstatSync(path).mode & 0o7777).toString(8);
      const name = relative(root, path)
        .replace(/\d+\.M\d+[PI].*?\.mx\.a\.test/, "NAME")
        .replace(/NAME$/, "NAME,S=N")
        .replace(/q[0-9A-Za-z]{6}-\d+$/, "qNAME")
        .replace(/[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}-[0-9A-Za-z]+\.(env|msg)$/, "NAME,S=N.$1")
        .replace(/NAME\.(env|msg)$/, "NAME,S=N.$1")
        .replace(/,S=\d+/, ",S=N")
        .replace(/\d{16}$/, "TIME");
      if (!entry.isFile()) return `${name} ${mode}`;
      return `${name} ${mode} ${JSON.stringify(content(readFileSync(path, "latin1")))}`;
    })
    .sort();
}

const content = (text: string): string =>
  text
    .replace(/^Received: [^\n]*\n(?:\t[^\n]*\n)*/gm, "")
    .replace(/^(From (?:s@x\.test|MAILER-DAEMON) )\w{3} \w{3} [ \d]\d [0-9:]{8} \d{4}/gm, "$1DATE")
    .replace(/^(Delivery-date: ).*?(\r?)$/gm, "$1DATE$2")
    .replace(/^\d{3,} (\d+)$/gm, "N $1");
