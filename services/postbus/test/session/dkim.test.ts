import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Answer, RecordData, RecordType, Resolver } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import { ourSession } from "./both-sessions.ts";

/**
 * The table: keys in the DNS, a configuration that tells all it knows of each signature, then messages, with what Exim
 * 4.98.2 and 4.100 have logged and answered (`-bh`).
 */
const [head = "", ...blocks] = readFileSync(join(import.meta.dirname, "dkim-sessions.txt"), "latin1").split(/^=== /m);
const [keys = "", config = ""] = head.split("--- configuration\n");
const zone = new Map(
  keys
    .split("\n")
    .slice(1, -1)
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
);

const resolver: Resolver = {
  async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    const record = type === "TXT" ? zone.get(name.toLowerCase()) : undefined;
    if (record === "SERVFAIL") throw new DeferError("dns", `${type} ${name}: no answer`);
    if (record === undefined) return { state: "no such name", authenticated: false, ttlSeconds: 0 };
    const records = [[record]] as unknown as RecordData[T][];
    return { state: "found", records, name, authenticated: false, ttlSeconds: 60 };
  },
};

const directory = mkdtempSync(join(tmpdir(), "postbus-dkim-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const session = (policy: string, message: string) => {
  const lines = message.split("\n").slice(0, -1);
  const client = ["EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", ...lines, ".", "QUIT"];
  return ourSession(directory, `primary_hostname = mx.test\n${policy}`, client, { client: "192.0.2.1", resolver });
};
const replyOf = (replies = ""): string =>
  /^354 .*\r\n([\s\S]*?)221 /m.exec(`${replies}221 `)?.[1]?.replace(/ id=\S+/, " id=ID") ?? "";
const loggedIn = (log = ""): (string | undefined)[] =>
  [...log.matchAll(/^LOG: main: ([A-Z] \|.*(?:\n(?!LOG: | |\w+:).*)*)$/gm)].map(([, line]) =>
    line?.replaceAll("\n", "\\n"),
  );

describe("each signer of a message is shown to acl_smtp_dkim as Exim does", () => {
  for (const [i, block] of blocks.entries()) {
    const [, name = "", main = "", acl = "", message = "", logged = "", reply = ""] =
      /^(.*)\n([\s\S]*?)--- acl\n([\s\S]*?)--- message\n([\s\S]*?)--- log\n([\s\S]*?)--- reply\n([\s\S]*)$/.exec(
        block,
      ) ?? [];
    test(`${i}: ${name}`, async () => {
      const said = await session(
        config.replace("@MAIN@", () => main).replace("@ACL@", () => acl),
        message,
      );
      assert.deepEqual(loggedIn(said?.log), logged.split("\n").slice(0, -1), said?.log ?? "not taken");
      assert.equal(replyOf(said?.replies), reply.replaceAll("\n", "\r\n"));
    });
  }
});

describe("where Exim is not followed", () => {
  const signed = (name: string): string =>
    /--- message\n([\s\S]*?)--- log\n/.exec(blocks.find((block) => block.startsWith(`${name}\n`)) ?? "")?.[1] ?? "";
  const acl = (statements: string, main = ""): string =>
    `acl_smtp_rcpt = accept\nacl_smtp_dkim = s\n${main}begin acl\ns:\n  ${statements}\n`;
  const rows: [name: string, policy: string, message: string, reply: RegExp][] = [
    [
      "a signature whose time has ended fails",
      acl("deny message = $dkim_verify_status $dkim_verify_reason"),
      signed("time that has not ended").replace(/x=[0-9]+/, "x=1715003600"),
      /^550 fail /,
    ],
    [
      "signers that cannot be worked out are a temporary refusal",
      acl("accept", "dkim_verify_signers = ${lookup{x}lsearch{/nonexistent}}\n"),
      signed("one that holds"),
      /^451 /,
    ],
    [
      "an identity elsewhere makes a signature invalid (RFC 6376 §6.1.1)",
      acl("deny message = $dkim_verify_status"),
      signed("one that holds").replace("d=example.org;", "d=example.org; i=joe@other.example;"),
      /^550 invalid/,
    ],
    [
      "so does a From that is not signed",
      acl("deny message = $dkim_verify_status"),
      signed("one that holds").replace(/h=[^;]*;/, "h=Subject:To;"),
      /^550 invalid/,
    ],
  ];
  for (const [name, policy, message, reply] of rows) {
    test(name, async () => {
      const answered = await session(policy, message);
      assert.match(replyOf(answered?.replies), reply, answered?.log ?? "not taken");
    });
  }
});
