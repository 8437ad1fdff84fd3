import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ourSession } from "./both-sessions.ts";
import { recordedSessions } from "./recorded-sessions.ts";

/** Answered by Exim 4.98.2. `$authenticated_fail_id` is the name alone here, as Exim's manual has it. */
const { config, sessions } = recordedSessions(join(import.meta.dirname, "authentication-sessions.txt"));

const POLICY = `primary_hostname = mx.test\n${config}`;

const NOT_COMPARED =
  /^(?:220|221|250[ -](?:mx\.test|SIZE|8BITMIME|PIPELINING|HELP|SMTPUTF8|CHUNKING|DSN|LIMITS|PRDR)|421 .*lost)/;

describe("AUTH is answered as Exim does", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-auth-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [i, { name, client, replies }] of sessions.entries()) {
    test(`${i}: ${name}`, async () => {
      const session = await ourSession(directory, POLICY, client, { client: "192.0.2.1" });
      const said = (session?.replies ?? "").split("\r\n").filter((line) => line !== "" && !NOT_COMPARED.test(line));
      assert.deepEqual(said, replies, session?.log ?? "not taken");
    });
  }

  test("nor is what a lookup was asked with, when there is no answer; and nobody has an empty secret", async () => {
    const down = `
primary_hostname = mx.test
mysql_servers = 127.0.0.1::1/x/y/z
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${lookup mysql{select 1 from users where pw='\${quote_mysql:$auth3}'}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${if eq{$auth1}{ann}{secret}}
`;
    const plain = Buffer.from("\0ann\0hunter2", "latin1").toString("base64");
    const session = await ourSession(directory, down, ["EHLO c", `AUTH PLAIN ${plain}`, "AUTH CRAM-MD5", "Ym9iIHg="]);
    assert.match(session?.replies ?? "", /^435 .*\r\n334 .*\r\n535 /m);
    assert.match(session?.log ?? "", /plain authenticator failed for .*: 435/);
    assert.ok(session?.log.includes("hunter2") === false, session?.log ?? "not taken");
  });

  test("the secret of an AUTH command is in no line of the log, however the session ends", async () => {
    const secret = Buffer.from("\0ann\0hunter2", "latin1").toString("base64");
    const flood = ["EHLO c", ...Array.from({ length: 15 }, () => `AUTH PLAIN ${secret}`)];
    const unasked = [`AUTH PLAIN ${secret}`, `AUTH PLAIN ${secret}`, `AUTH PLAIN ${secret}`, `AUTH PLAIN ${secret}`];
    const malformed = ["EHLO c", ...Array.from({ length: 5 }, () => `AUTH PLAIN\t${secret}`)];
    for (const lines of [flood, unasked, malformed]) {
      const session = await ourSession(directory, POLICY, lines);
      assert.match(session?.log ?? "", /AUTH PLAIN/);
      assert.ok(session?.log.includes(secret) === false, session?.log ?? "not taken");
    }
  });
});
