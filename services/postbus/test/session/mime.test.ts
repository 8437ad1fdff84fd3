import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ourSession } from "./both-sessions.ts";

/**
 * The table: a configuration that tells all it knows of each part, then messages, with what Exim 4.98.2 has logged and
 * answered (`-bh`). What 4.100 does better is as there: quoted parameters, and no more than 64 multiparts within each other.
 */
const [config = "", ...blocks] = readFileSync(join(import.meta.dirname, "mime-sessions.txt"), "latin1").split(/^=== /m);

describe("each part of a message is shown to acl_smtp_mime as Exim does", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-mime-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [i, block] of blocks.entries()) {
    const [, name = "", content = "", logged = "", reply = ""] =
      /^(.*)\n([\s\S]*?)--- log\n([\s\S]*?)--- reply\n([\s\S]*)$/.exec(block) ?? [];
    test(`${i}: ${name}`, async () => {
      const lines = content
        .split("\n")
        .slice(0, -1)
        .map((line) => (line.startsWith(".") ? `.${line}` : line));
      const client = ["EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", ...lines, ".", "QUIT"];
      const session = await ourSession(directory, `primary_hostname = mx.test\n${config}`, client);
      const log = [...(session?.log ?? "").matchAll(/^LOG: main: ([A-Z] \|.*)$/gm)].map(([, line]) => line);
      assert.deepEqual(log, logged.split("\n").slice(0, -1), session?.log ?? "not taken");
      const replies = /^354 .*\r\n([\s\S]*?)221 /m.exec(`${session?.replies}221 `)?.[1]?.replace(/ id=\S+/, " id=ID");
      assert.equal(replies, reply.replaceAll("\n", "\r\n"));
      const files = existsSync(join(directory, "data", "scan")) ? readdirSync(join(directory, "data", "scan")) : [];
      assert.deepEqual(files, []);
    });
  }
});

describe("where Exim is not followed", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-mime-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const rows: [name: string, acl: string, type: string, wanted: RegExp][] = [
    [
      "a Content-Type with a blank before its colon is one",
      "deny message = n$mime_part_count",
      "Content-Type : a/b",
      /^550 n0/m,
    ],
    ["decode writes to no directory but that of the message", "accept decode = /tmp/x", "Content-Type: a/b", /^451 /m],
    ["nor above it", "accept decode = ../x", "Content-Type: a/b", /^451 /m],
    [
      "a name that the message has chosen is none",
      "accept decode = $mime_filename",
      "Content-Type: a/b; name=c",
      /^451 /m,
    ],
    ["no_mbox_unspool is taken", "accept control = no_mbox_unspool", "Content-Type: a/b", /^250 OK id/m],
  ];
  for (const [name, acl, type, wanted] of rows) {
    test(name, async () => {
      const config = `primary_hostname = mx.test\nacl_smtp_rcpt = accept\nacl_smtp_mime = c\nbegin acl\nc:\n  ${acl}\n`;
      const client = ["EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", type, "", "x", ".", "QUIT"];
      const session = await ourSession(directory, config, client);
      assert.match((session?.replies ?? "").split("354 ")[1] ?? "", wanted, session?.log ?? "not taken");
    });
  }
});
