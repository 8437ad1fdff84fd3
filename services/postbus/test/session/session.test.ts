import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

const main = join(import.meta.dirname, "../../src/main.ts");

describe("postbus session", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-session-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "policy");
  writeFileSync(
    file,
    `primary_hostname = mx.test
smtp_banner = mx.test ready for $sender_host_address
acl_smtp_rcpt = check
acl_smtp_notquit = gone
begin acl
check:
  defer ratelimit = 2 / 1h / strict / per_rcpt / $sender_address
        message = too fast: $sender_rate
  accept
gone:
  accept logwrite = gone: $smtp_notquit_reason
`,
  );
  const run = (input: string, from = "192.0.2.1:4000") =>
    spawnSync(process.execPath, [main, "session", "--from", from, "--config", file], {
      input,
      encoding: "latin1",
      env: { ...process.env, POSTBUS_DATA: join(directory, "data") },
    });

  test("speaks on standard output and says why on standard error; the next session knows the rate", () => {
    const input = "HELO c.example\nMAIL FROM:<a@b.example>\nRCPT TO:<x@y.example>\nRCPT TO:<z@y.example>\nQUIT\n";
    const first = run(input);
    assert.equal(
      first.stdout,
      "220 mx.test ready for 192.0.2.1\r\n250 mx.test Hello c.example [192.0.2.1]\r\n250 OK\r\n250 Accepted\r\n250 Accepted\r\n" +
        "221 mx.test closing connection\r\n",
    );
    assert.match(first.stderr, />>> {3}\S+policy:7 check: defer: ratelimit = .* -> no \(rate 1\.0\); no\n/);
    assert.equal(first.status, 0);
    const second = run(input);
    assert.match(second.stdout, /\r\n451 too fast: 3\.0\r\n451 too fast: 4\.0\r\n/);
  });

  test("a client that does not say QUIT is noticed", () => {
    assert.match(run("HELO c.example\n").stderr, /LOG: main: gone: connection-lost/);
  });

  test("what makes no sense is refused", () => {
    for (const from of ["nonsense", "192.0.2.1:99999", "[192.0.2.1"]) assert.equal(run("", from).status, 64, from);
    for (const from of ["192.0.2.1", "192.0.2.1.25", "[2001:db8::1]:25", "2001:db8::1"]) {
      assert.equal(run("QUIT\n", from).status, 0, from);
    }
  });
});
