import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, program, startExim, startRecordingSink } from "@postbus/testkit";
import { inline, Rig, shown, smtpTransport } from "./smtp/rig.ts";

const SLOW = { connectTimeoutMs: 10_000, commandTimeoutMs: 30_000, dataTimeoutMs: 30_000, finalTimeoutMs: 30_000 };
/** Everything that a next hop could get wrong, or we: dots, long lines, eight bits, no end to the last line. */
const CONTENT = `X-Load-Id: a\r\nSubject: x\r\n\r\n.\r\n..\r\n.a\r\n${"y".repeat(990)}\r\n\xe9\r\nlast`;

test("Exim takes what we deliver", {
  skip: program("exim-4.98") === undefined ? "exim-4.98 is not on this machine" : false,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-exim-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const server = await startExim("exim-4.98", "queue_only", { port: await freePort(), directory });
  t.after(() => server.stop());
  await using rig = new Rig();
  for (let i = 0; i < 3; i++) {
    const { results } = await rig.deliver(smtpTransport(server.port, SLOW), {
      recipients: ["r@b.test", "r2@b.test"],
      content: inline(CONTENT),
      item: { eightBit: true },
    });
    assert.match(shown(results[0]), /^delivered .* C="(?:250- \d+ byte chunk, total \d+\\n)?250 OK id=[0-9A-Za-z-]+"$/);
    assert.deepEqual(results[1], results[0]);
  }
  const spool = join(directory, "spool/input");
  const stored = readdirSync(spool, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("-D"));
  assert.equal(stored.length, 3);
  const [first = ""] = stored;
  const [, ...lines] = readFileSync(join(spool, first), "latin1").split("\n");
  assert.equal(lines.join("\n"), `.\n..\n.a\n${"y".repeat(990)}\n\xe9\nlast\n`);
});

test("the smtp-server package takes what we deliver", async () => {
  const sink = await startRecordingSink({
    keepContents: true,
    refuse: (recipient) => (recipient.startsWith("gone") ? { code: 550, text: "unknown user" } : undefined),
  });
  {
    await using rig = new Rig();
    for (let i = 0; i < 3; i++) {
      const { results } = await rig.deliver(smtpTransport(sink.port, SLOW), {
        recipients: ["r@b.test", "gone@b.test"],
        content: inline(CONTENT),
      });
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        ["delivered", "failed"],
      );
    }
  }
  assert.deepEqual(sink.contents, Array(3).fill(`${CONTENT}\r\n`));
  await sink.stop();
});
