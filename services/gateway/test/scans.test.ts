import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Bus } from "@postbus/bus";
import { RouteItem, type ScanAnswer, ScanRequest, type ScanVerdict, scanSubject } from "@postbus/contracts";
import { Value } from "typebox/value";
import { scannedHeader } from "../src/facts/scanned-header.ts";
import { startTestGateway } from "./start-test-gateway.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n";
const HEADER = "From: ann@b.example\r\nSubject: x\r\n\r\n";
const SMALL = `${HEADER}body\r\n`;
const LARGE = `${SMALL}${`${"x".repeat(98)}\r\n`.repeat(5_000)}`;

interface Asked {
  readonly request: ScanRequest;
  readonly kind: string | undefined;
  readonly content: string;
}

/** A scanner that says the same of each message, and remembers what it was asked. */
async function serveScans(bus: Bus, verdict: ScanVerdict | { readonly reason: string }): Promise<Asked[]> {
  const asked: Asked[] = [];
  await bus.serve(scanSubject, { concurrency: 1 }, async ({ body, content }) => {
    const pieces: Buffer[] = [];
    if (content?.kind === "inline") pieces.push(content.octets);
    else if (content !== undefined) for await (const octets of bus.spool.read(content)) pieces.push(octets);
    const text = Buffer.concat(pieces).toString("latin1");
    asked.push({ request: Value.Parse(ScanRequest, body), kind: content?.kind, content: text });
    if ("reason" in verdict) return { v: 2, state: "failed", reason: verdict.reason } satisfies ScanAnswer;
    return { v: 2, state: "scanned", verdict } satisfies ScanAnswer;
  });
  return asked;
}

const MALWARE = {
  main: "av_scanner = clamd:/run/clamd",
  acls: { data: "deny malware = *\n message = found $malware_name\n accept" },
};

describe("a question to an engine", () => {
  for (const [name, message] of Object.entries({ inline: SMALL, spooled: LARGE })) {
    test(`comes with ${name} content, and the header section as ACLs see it`, async () => {
      const acls = { ...MALWARE.acls, rcpt: "accept add_header = X-Seen: at RCPT" };
      await using gateway = await startTestGateway({ policy: { ...MALWARE, acls } });
      const asked = await serveScans(gateway.bus, { engine: "malware", name: "Worm" });
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 250, 354);
      assert.match(await client.say(`${message}.\r\n`, 550), /found Worm/);
      const [{ request, kind, content }] = asked as [Asked];
      const { header, messageId, ...rest } = request;
      assert.deepEqual(rest, {
        v: 2,
        client: { address: "127.0.0.1", helo: "client.example" },
        returnPath: "ann@b.example",
        recipients: ["bob@example.org", "joe@example.org"],
        task: { engine: "malware", scanner: "clamd", servers: [{ server: { path: "/run/clamd" }, retryMs: 0 }] },
        timeoutMs: 120_000,
      });
      assert.match(header.text, new RegExp(`^Received: from client\\.example (?:.*\\r\\n)*\\tid ${messageId}`));
      assert.ok(header.text.endsWith("From: ann@b.example\r\nSubject: x\r\nX-Seen: at RCPT\r\n\r\n"), header.text);
      assert.equal(content, message, "the content is as it came");
      assert.equal(content.slice(0, header.replaces), HEADER);
      assert.equal(kind, name);
      assert.deepEqual(await gateway.spooled(), [], "nothing is left of what is refused");
    });
  }

  test("without an answer, or with one that is none, is a temporary error; defer_ok lets the message pass", async () => {
    await using gateway = await startTestGateway({ policy: MALWARE });
    await using client = await gateway.session();
    // Nobody serves the subject.
    await client.say(ENVELOPE, 250, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 451);
    await serveScans(gateway.bus, { reason: "clamd /run/clamd: cannot connect: ENOENT" });
    await client.say(ENVELOPE, 250, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 451);
    const line = await gateway.event((event) => event.name === "log:line" && event.text.includes("ENOENT"));
    assert.partialDeepStrictEqual(line, {
      targets: ["main", "panic"],
      text: "malware acl condition: clamd /run/clamd: cannot connect: ENOENT",
    });
    const acls = { data: "deny malware = */defer_ok\n accept" };
    await gateway.reload({ ...MALWARE, acls });
    await using other = await gateway.session();
    await other.say(ENVELOPE, 250, 250, 250, 354);
    await other.say(`${SMALL}.\r\n`, 250);
  });

  test("about spam: score and bar travel with the message", async () => {
    const policy = { acls: { data: "warn spam = nobody\n accept" } };
    await using gateway = await startTestGateway({ policy });
    const said = { engine: "spam", score: 3.26, threshold: 5, action: "no action", report: "" } as const;
    await serveScans(gateway.bus, said);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    const { header } = await gateway.taken();
    assert.deepEqual(Value.Parse(RouteItem, header).reception.spam, { score: "3.3", scoreInt: 32, bar: "+++" });
  });

  test("is asked by no policy that does not want it", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { data: "deny condition = no\n accept" } } });
    const asked = await serveScans(gateway.bus, { engine: "malware", name: "Worm" });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    assert.deepEqual(asked, []);
  });
});

test("a header section that is too long for a question is seen as it came, below our own field", () => {
  const lines = ["X-Top: 1\n", "Received: us\n\tand more\n", `X-Long: ${"x".repeat(100_000)}\n`];
  assert.deepEqual(scannedHeader(lines, 77), { text: "Received: us\r\n\tand more\r\n", replaces: 0 });
  assert.deepEqual(scannedHeader(lines.slice(0, 2), 77), {
    text: "X-Top: 1\r\nReceived: us\r\n\tand more\r\n\r\n",
    replaces: 77,
  });
});
