import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { MailEvent } from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";
import { program, serversDirectory } from "@postbus/testkit";
import { defaultLine as logLine } from "./default-style.ts";

/** The original Perl scripts of Debian's exim4-base, installed or unpacked with the test servers. */
const tool = (name: string): string | undefined =>
  program(name) ?? globSync(join(serversDirectory(), "root", "*", "usr", "sbin", name)).toSorted()[0];
const exigrep = tool("exigrep");
const eximstats = tool("eximstats");
const perl = program("perl");
const missing =
  exigrep === undefined || eximstats === undefined || perl === undefined
    ? "exigrep, eximstats or perl is not on this machine (Debian: exim4-base)"
    : false;

const T0 = new Date(2026, 10, 21, 12, 0, 0).getTime();
const [relayed, local, late, bounce, frozen] = ["relayed", "local", "late", "bounce", "frozen"].map((name) =>
  derivedMessageId(name, T0),
) as [string, string, string, string, string];

let count = 0;
const at = (messageId: string, seconds: number) => ({
  v: 1 as const,
  id: `e${count++}`,
  atMs: T0 + seconds * 1_000,
  service: "test",
  messageId,
});
const smtp = {
  router: "smart_route",
  transport: "remote_smtp",
  host: "mx.rem.test",
  hostAddress: "192.0.2.25",
  hostPort: 25,
};
const reception = {
  protocol: "esmtps",
  clientAddress: "192.0.2.1",
  clientPort: 40_000,
  helo: "client.test",
  cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
  headerMessageId: "one@client.test",
  size: 4_321,
};
const returnPath = "ann@a.test";

/** A day in which everything happens once. */
const day: readonly MailEvent[] = [
  { ...at(relayed, 0), name: "msg:received", returnPath, recipients: ["x@rem.test", "y@rem.test"], reception },
  { ...at(relayed, 1), name: "msg:delivery", ...smtp, recipient: "x@rem.test", returnPath, confirmation: '250 "ok"' },
  {
    ...at(relayed, 1),
    name: "msg:delivery",
    ...smtp,
    recipient: "y@rem.test",
    returnPath,
    further: true,
    reused: true,
  },
  { ...at(relayed, 1), name: "msg:complete" },
  {
    ...at(local, 2),
    name: "msg:received",
    returnPath,
    recipients: ["bob@a.test"],
    reception: { ...reception, size: 1_000 },
  },
  {
    ...at(local, 3),
    name: "msg:delivery",
    recipient: "bob@a.test",
    returnPath,
    router: "local_user",
    transport: "maildir",
  },
  { ...at(local, 3), name: "msg:complete" },
  { ...at(late, 4), name: "msg:received", returnPath, recipients: ["z@rem.test"], reception },
  {
    ...at(late, 5),
    name: "msg:defer",
    ...smtp,
    recipient: "z@rem.test",
    returnPath,
    errno: 111,
    text: "Connection refused",
    nextTryAtMs: T0,
  },
  {
    ...at(late, 905),
    name: "msg:fail:delivery",
    ...smtp,
    recipient: "z@rem.test",
    returnPath,
    text: "550 no such user",
  },
  {
    ...at(bounce, 905),
    name: "msg:received",
    returnPath: "",
    recipients: [returnPath],
    reception: { protocol: "local", size: 900, about: late },
  },
  { ...at(late, 905), name: "msg:complete" },
  {
    ...at(bounce, 906),
    name: "msg:delivery",
    recipient: returnPath,
    returnPath: "",
    router: "local_user",
    transport: "maildir",
  },
  { ...at(bounce, 906), name: "msg:complete" },
  { ...at(frozen, 907), name: "msg:received", returnPath, recipients: ["w@rem.test"], reception },
  { ...at(frozen, 908), name: "msg:frozen", reason: "delivery error message" },
  {
    v: 1,
    id: "r1",
    atMs: T0 + 909_000,
    service: "test",
    name: "smtp:reject",
    clientAddress: "192.0.2.66",
    helo: "spam.test",
    returnPath: "x@spam.test",
    text: "rejected RCPT <a@b.test>: relay not permitted",
  },
];

describe("Exim's own tools read the log", { skip: missing }, () => {
  let directory: string;
  let mainlog: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "postbus-tools-"));
    mainlog = join(directory, "mainlog");
    await writeFile(mainlog, day.map(logLine).join(""), "latin1");
  });
  after(() => rm(directory, { recursive: true }));

  async function run(script: string | undefined, ...args: string[]): Promise<string> {
    const { stdout, stderr } = await promisify(execFile)(perl ?? "", [script ?? "", ...args, mainlog]);
    assert.equal(stderr, "");
    return stdout;
  }

  test("exigrep finds all lines of a message by a word in one of them", async () => {
    const found = await run(exigrep, "y@rem.test");
    assert.equal(found.trim(), day.slice(0, 4).map(logLine).join("").trim());
  });

  test("exigrep -v leaves that message out", async () => {
    const found = await run(exigrep, "-v", "y@rem.test");
    assert.ok(!found.includes(relayed));
    for (const id of [local, late, bounce, frozen]) assert.ok(found.includes(id), id);
  });

  test("exigrep -M follows from a message to its bounce", async () => {
    const found = await run(exigrep, "-M", "z@rem.test");
    for (const id of [late, bounce]) assert.ok(found.includes(`${id} Completed`), found);
  });

  test("exigrep finds a refusal", async () => {
    assert.match(await run(exigrep, "spam.test"), /rejected RCPT <a@b\.test>: relay not permitted/);
  });

  /** The sums are those of `day`. */
  const totals = [
    { what: "messages, hosts, delayed and failed ones", line: /^ {2}Received +15KB +5 +2 +1 +20\.0% +1 +20\.0%$/m },
    { what: "deliveries: octets, messages, addresses, hosts", line: /^ {2}Delivered +6221 +3 +4 +2$/m },
    { what: "refusals", line: /^ {2}Rejects +1 +1$/m },
    { what: "the reason of the refusal", line: /^ +1 +Rejected RCPT: relay not permitted$/m },
    { what: "the transport for other hosts", line: /^ {2}remote_smtp +4321 +1$/m },
    { what: "the transport for mailboxes", line: /^ {2}maildir +1900 +2$/m },
    { what: "the host that mail came from", line: /^ +4 +14KB +3584 +\(client\.test\)$/m },
    { what: "the host that mail went to", line: /^ +1 +2 +4321 +4321 +mx\.rem\.test$/m },
    { what: "mailboxes", line: /^ +1 +1 +1000 +1000 +bob$/m },
    { what: "time in the queue, for the ones that were quick", line: /^Under +1m +3 +75\.0% +75\.0%$/m },
    { what: "time in the queue, for the one that was deferred", line: /^ +30m +1 +25\.0% +100\.0%$/m },
    { what: "the failed recipient", line: /1 z@rem\.test R=smart_route T=remote_smtp H=mx\.rem\.test/ },
  ];
  test("eximstats counts what there is", async () => {
    const report = await run(eximstats);
    for (const { what, line } of totals) assert.match(report, line, what);
  });
});
