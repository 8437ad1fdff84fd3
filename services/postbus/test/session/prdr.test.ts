import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ourSession } from "./both-sessions.ts";
import { recordedSessions } from "./recorded-sessions.ts";

/** Answered by Exim 4.98.2, without the greeting, the other extensions, the farewell and the ids of messages. */
const { config, sessions } = recordedSessions(join(import.meta.dirname, "prdr-sessions.txt"));

const NOT_COMPARED =
  /^(?:220|221|250[ -](?:mx\.test|SIZE|8BITMIME|PIPELINING|HELP|SMTPUTF8|CHUNKING|DSN|LIMITS)|421 .*lost)/;

describe("PRDR is answered as Exim does", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-prdr-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const { name, client, replies } of sessions) {
    test(name, async () => {
      const session = await ourSession(directory, `primary_hostname = mx.test\n${config}`, client);
      const said = (session?.replies ?? "").split("\r\n").filter((line) => line !== "" && !NOT_COMPARED.test(line));
      assert.deepEqual(
        said.map((line) => line.replace(/id=\S+/, "id=ID")),
        replies,
        session?.log ?? "not taken",
      );
    });
  }

  test("but a message that all recipients throw away looks like one that was taken", async () => {
    const lines = ["EHLO c", "MAIL FROM:<a@x> PRDR", "RCPT TO:<x@y>", "RCPT TO:<x@y>", "DATA", "", "hi", ".", "QUIT"];
    const session = await ourSession(directory, `primary_hostname = mx.test\n${config}`, lines);
    assert.match(
      session?.replies ?? "",
      /\r\n353 .*\r\n250 PRDR R=<x@y> acceptance\r\n250 PRDR R=<x@y> acceptance\r\n250 id=\S+ message accepted\r\n/,
    );
  });

  test("and who was discarded at RCPT, which the client takes for accepted, has an answer as well", async () => {
    const policy = `primary_hostname = mx.test
prdr_enable
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  discard local_parts = x
  accept
`;
    const rcpts = ["x", "a", "x2", "x", "b", "x"].map((name) => `RCPT TO:<${name}@y>`);
    const lines = ["EHLO c", "MAIL FROM:<a@x> PRDR", ...rcpts, "DATA", "", "hi", ".", "QUIT"];
    const session = await ourSession(directory, policy, lines);
    const answered = [...(session?.replies ?? "").matchAll(/R=<(\S+)@y> acceptance/g)].map(([, name]) => name);
    assert.deepEqual(answered, ["x", "a", "x2", "x", "b", "x"]);
  });
});
