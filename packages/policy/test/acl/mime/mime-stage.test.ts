import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError, type OctetSource } from "@postbus/mail";
import { runMimeStage } from "../../../src/acl/mime/mime-stage.ts";
import type { ScanFiles } from "../../../src/acl/mime/scan-files.ts";
import { receivedContent } from "../../../src/acl/smtp/received-content.ts";
import { policySession, shown } from "../policy-session.ts";

/** Files in memory; what was ever written, by name. */
class MemoryFiles implements ScanFiles {
  readonly path = "/scan/1-2-3";
  readonly written = new Map<string, Buffer>();
  readonly present = new Set<string>();

  async write(name: string, octets: AsyncIterable<Buffer>): Promise<void> {
    this.written.set(name, Buffer.concat(await Array.fromAsync(octets)));
    this.present.add(name);
  }

  source(name: string): OctetSource {
    const octets = this.written.get(name) ?? Buffer.alloc(0);
    return { read: (start) => [octets.subarray(start)] };
  }

  async remove(name: string): Promise<void> {
    this.present.delete(name);
  }
}

async function ask(acl: string, content: string, files: ScanFiles = new MemoryFiles()) {
  const asked = policySession(`acl_smtp_rcpt = accept\nacl_smtp_mime = m\nbegin acl\nm:\n  ${acl}\n`);
  const { acls, session, log } = asked;
  await acls.mail({ returnPath: "a@b.example" });
  await acls.recipient("c@d.example");
  session.message.messageId = "1-2-3";
  const lines = ["Content-Type: x\n"];
  const body = { ...{ size: 0, lines: 1, longestLine: 1, zeros: 0, start: "", end: "" }, read: () => [] };
  acls.content(receivedContent(lines, body));
  const octets = Buffer.from(content.replaceAll("\n", "\r\n"), "latin1");
  const source: OctetSource = { read: (start) => [octets.subarray(start)] };
  const answer = await runMimeStage(acls, { source, files });
  return { said: answer === undefined ? "accept" : shown(answer), session, log };
}

const part = (text: string): string => `Content-Type: multipart/mixed; boundary=b\n\n--b\n${text}\n--b--\n`;
const nested = (depth: number): string =>
  Array.from({ length: depth }, (_, i) => `Content-Type: multipart/mixed; boundary=${i}x\n\n--${i}x\n`).join("");
const message = (text: string): string => `Content-Type: message/rfc822\n\n${text}`;

describe("what no honest message has is refused, not passed over", () => {
  const rows: [name: string, content: string, said: string][] = [
    ["more parts than 10,000", `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\n".repeat(10_001)}`, "550"],
    ["63 multiparts within each other", nested(63), "accept"],
    ["64 of them", nested(64), "550"],
    ["messages 30 deep", message("").repeat(30), "accept"],
  ];
  for (const [name, content, said] of rows) {
    test(name, async () => {
      const files = new MemoryFiles();
      const answer = await ask("accept", content, files);
      assert.ok(answer.said.startsWith(said), answer.said);
      if (said === "accept") assert.deepEqual([...files.present], []);
    });
  }
});

test("messages within each other without an end are too much work", async () => {
  await assert.rejects(ask("accept", message("").repeat(600)), DeferError);
});

test("more messages than 1,000 are refused", async () => {
  const content = `Content-Type: multipart/mixed; boundary=b\n\n${`--b\n${message("x\n")}`.repeat(1_001)}`;
  assert.equal((await ask("accept", content)).said, "550 Administrative prohibition");
});

test("a message in a message is read to its end, whatever its encoding", async () => {
  const inner = "Content-Type: text/html; name=inner\n\nx\n";
  for (const [encoding, body] of [
    ["7bit", inner],
    ["base64", Buffer.from(inner).toString("base64")],
    ["quoted-printable", inner.replaceAll("=", "=3D")],
  ]) {
    const head = `Content-Transfer-Encoding: ${encoding}\n`;
    const acl =
      "deny condition = ${if eq{$mime_filename}{inner}}\n  message = $mime_is_rfc822 $mime_part_count\n  accept";
    assert.equal((await ask(acl, head + message(body ?? ""))).said, "550 1 0");
  }
});

test("conditions may read a message only so often", async () => {
  const acl = `accept ${"regex = nothing\n  accept ".repeat(70)}`;
  const large = `Content-Type: text/plain\n\n${`${"x".repeat(98)}\n`.repeat(1_000)}`;
  await assert.rejects(async () => {
    const { said } = await ask(acl, large);
    // A condition that defers ends the ACL.
    if (said.startsWith("451")) throw new DeferError("mime", said);
  }, DeferError);
});

test("a file that cannot be written defers", async () => {
  class FullDisk extends MemoryFiles {
    override async write(): Promise<void> {
      throw new DeferError("scan", "no space left");
    }
  }
  const { said, log } = await ask("accept decode = default", "Content-Type: a/b\n\nx\n", new FullDisk());
  assert.match(said, /^451 /);
  assert.deepEqual(log, []);
  await assert.rejects(ask("accept", message("x"), new FullDisk()), DeferError);
});

test("behind the last part only what is said of all of them is known", async () => {
  const { session } = await ask("accept decode = default", part("Content-Type: a/b; name=x\n\ny"));
  const value = (name: string) => session.message.found.get(name);
  assert.deepEqual([value("mime_part_count"), value("mime_is_coverletter")], [1, 1]);
  for (const name of ["mime_content_type", "mime_filename", "mime_decoded_filename", "mime_content_size"]) {
    assert.equal(value(name), undefined);
  }
  assert.equal(session.message.part, undefined);
});
