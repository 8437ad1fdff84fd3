import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  dovecotIsMissing,
  freePort,
  postfixIsMissing,
  program,
  startDovecotLmtp,
  startExim,
  startPostfix,
  startRecordingSink,
} from "@postbus/testkit";
import { policyTransport } from "./smtp/policy-transport.ts";
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
    // How the session came about stands with the first.
    const { steps: _, ...first } = results[0] ?? assert.fail("no result");
    assert.deepEqual(results[1], first);
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

const directoryFor = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-hop-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

test("Exim with PRDR answers for each recipient, and we believe it", {
  skip: program("exim-4.98") === undefined ? "exim-4.98 is not on this machine" : false,
}, async (t) => {
  const config = `queue_only
prdr_enable
acl_smtp_data_prdr = judge
begin acl
judge:
  deny    local_parts = spam
          message = not for me
  defer   local_parts = later
  accept
`;
  const server = await startExim("exim-4.98", config, { port: await freePort(), directory: directoryFor(t) });
  t.after(() => server.stop());
  for (const chunking of ["", "hosts_try_chunking ="]) {
    await using rig = new Rig();
    const transport = await policyTransport(server.port, chunking);
    const { results } = await rig.deliver(transport, {
      recipients: ["good@b.test", "later@b.test", "spam@b.test", "fine@b.test"],
      content: inline(CONTENT),
    });
    const [good, later, spam, fine] = results;
    assert.match(
      shown(good),
      /^delivered .*250 PRDR R=<good@b\.test> acceptance\\n.*250 id=\S+ message accepted for some recipients"$/,
    );
    assert.match(
      shown(later),
      /^deferred \(0\).*PRDR error after (?:DATA|BDAT \d+ LAST): 450 PRDR R=<later@b\.test> temporary refusal$/,
    );
    assert.match(shown(spam), /^failed .*PRDR error after (?:DATA|BDAT \d+ LAST): 550 not for me$/);
    assert.equal(fine?.isPrdr, true);
  }
});

const withoutDovecot = dovecotIsMissing();
test("Dovecot takes by LMTP what is for its users, each with a reply of its own", {
  skip: withoutDovecot === undefined ? false : withoutDovecot,
}, async (t) => {
  const directory = directoryFor(t);
  const users = ["ann@b.test", "bob@b.test"];
  const server = await startDovecotLmtp(users, { port: await freePort(), directory });
  t.after(() => server.stop());
  await using rig = new Rig();
  const transport = await policyTransport(server.port, "protocol = lmtp\nlmtp_ignore_quota");
  for (let i = 1; i <= 2; i++) {
    const { results } = await rig.deliver(transport, {
      recipients: ["ann@b.test", "nobody@b.test", "bob@b.test"],
      content: inline(CONTENT),
    });
    const [ann, nobody, bob] = results;
    assert.match(shown(ann), /^delivered .* C="250 2\.0\.0 <ann@b\.test> .* Saved"$/);
    assert.match(shown(nobody), /^failed .*after RCPT TO:<nobody@b\.test>: 550 5\.1\.1 /);
    assert.match(shown(bob), /^delivered .* C="250 2\.0\.0 <bob@b\.test> .* Saved"$/);
    for (const user of users) assert.equal(readdirSync(join(directory, "mail", user, "new")).length, i);
  }
});

const withoutPostfix = postfixIsMissing();
test("Postfix takes what we deliver, in chunks and behind DATA", {
  skip: withoutPostfix === undefined ? false : withoutPostfix,
}, async (t) => {
  const directory = directoryFor(t);
  const main = "myhostname = postfix.test\nmydestination =\nrelay_domains = b.test\ndefer_transports = smtp relay";
  const server = await startPostfix(main, { port: await freePort(), directory });
  t.after(() => server.stop());
  for (const [options, isChunked] of [
    ["", true],
    ["hosts_try_chunking =", undefined],
  ] as const) {
    await using rig = new Rig();
    const transport = await policyTransport(server.port, options);
    for (let i = 0; i < 3; i++) {
      const { results } = await rig.deliver(transport, {
        recipients: ["r@b.test", "r2@b.test"],
        content: inline(CONTENT),
        item: { eightBit: true },
      });
      assert.match(shown(results[0]), /^delivered .*250 2\.0\.0 Ok.* queued as /);
      assert.equal(results[1]?.isChunked, isChunked);
    }
  }
});
