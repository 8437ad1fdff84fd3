import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BusFullError } from "@postbus/bus";
import { RouteItem } from "@postbus/contracts";
import { Value } from "typebox/value";
import { isLine, startTestGateway, type TestPolicy } from "./start-test-gateway.ts";

const rcpt = (...names: readonly string[]): string => names.map((name) => `RCPT TO:<${name}@example.org>\r\n`).join("");
const ENVELOPE = "MAIL FROM:<ann@b.example> PRDR\r\n";
const MESSAGE = "Subject: hi\r\n\r\nbody\r\n.\r\n";

const policy = (prdr: string, data?: string): TestPolicy => ({
  main: "prdr_enable = true\nchunking_advertise_hosts = *",
  acls: { data_prdr: prdr, ...(data === undefined ? {} : { data }) },
});

/** The lines behind 354, up to the answer for all. */
const SORTS = `
  accept local_parts = good
  defer  local_parts = later
  deny   message = not for $local_part
`;

describe("answers for each recipient (PRDR)", () => {
  test("are given, and only who was accepted is in the envelope, the log and the metrics", async () => {
    await using gateway = await startTestGateway({ policy: policy(SORTS) });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${rcpt("bad", "good", "later")}DATA\r\n`, 250, 250, 250, 250, 354);
    const last = await client.say(MESSAGE, 353, 550, 250, 450, 250);
    assert.match(last, /^250 2\.0\.0 id=\S+ message accepted for some recipients\r\n$/);
    const item = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual(
      item.recipients.map(({ address }) => address),
      ["good@example.org"],
    );
    assert.equal(item.reception.isPrdr, true);
    const received = await gateway.event(({ name }) => name === "msg:received");
    assert.deepEqual("recipients" in received && received.recipients, ["good@example.org"]);
    for (const text of [
      "PRDR bad@example.org not for bad",
      "PRDR R=<good@example.org> acceptance",
      "PRDR R=<later@example.org> temporary refusal",
    ]) {
      await gateway.event((event) => event.name === "msg:note" && event.text === text);
    }
    const counted = await gateway.metrics.getSingleMetricAsString("postbus_gateway_prdr_recipients_total");
    for (const verdict of ["accept", "defer", "refuse"]) assert.match(counted, new RegExp(`"${verdict}"} 1\\b`));
  });

  test("come without an ACL for them, too, and behind the last chunk (BDAT)", async () => {
    await using gateway = await startTestGateway({ policy: { main: "prdr_enable = true" } });
    await using client = await gateway.session();
    const chunks = `BDAT 9\r\nSubject: BDAT 8 LAST\r\n\r\n\r\nhi\r\n`;
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}${chunks}`, 250, 250, 250, 250, 353, 250, 250, 250);
    assert.equal(Value.Parse(RouteItem, (await gateway.taken()).header).recipients.length, 2);
  });

  test("are each said when they are known, while others are waited for", async () => {
    const waits = "  accept local_parts = slow\n    delay = 60s\n  accept";
    await using gateway = await startTestGateway({ policy: policy(waits) });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${rcpt("ann", "bob", "slow")}DATA\r\n`, 250, 250, 250, 250, 354);
    await client.say(MESSAGE, 353, 250, 250);
    assert.equal(client.received, "");
  });

  test("that refuse all leave nothing behind, and the session goes on", async () => {
    await using gateway = await startTestGateway({ policy: policy("  deny") });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    const last = await client.say(MESSAGE, 353, 550, 550, 550);
    assert.match(last, /message rejected for all recipients\r\n$/);
    await gateway.event((event) => event.name === "msg:note" && event.text === "PRDR R=<bob@example.org> refusal");
    assert.deepEqual(await gateway.spooled(), []);
    await client.say(`MAIL FROM:<ann@b.example>\r\n${rcpt("carl")}DATA\r\n`, 250, 250, 354);
    await client.say(MESSAGE, 250);
    const { recipients } = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual(
      recipients.map(({ address }) => address),
      ["carl@example.org"],
    );
  });

  test("that put all off are a refusal to us, though the client reads 250 for all", async () => {
    await using gateway = await startTestGateway({ policy: policy("  defer") });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    assert.match(await client.say(MESSAGE, 353, 450, 450, 250), /message accepted for some recipients\r\n$/);
    const counted = await gateway.metrics.getSingleMetricAsString("postbus_gateway_messages_total");
    assert.match(counted, /"rejected"} 1\b/);
  });

  test("are overruled by the DATA ACL, and by a bus that has no room", async () => {
    await using refusing = await startTestGateway({ policy: policy("  accept", "  deny message = 554 not at all") });
    await using client = await refusing.session();
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    await client.say(MESSAGE, 353, 250, 250, 554);
    await using full = await startTestGateway({
      policy: policy("  accept"),
      bus: () => ({ publish: () => Promise.reject(new BusFullError("full")) }),
    });
    await using other = await full.session();
    await other.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    await other.say(MESSAGE, 353, 250, 250, 452);
  });

  test("are one for all where a message is broken or too large", async () => {
    await using gateway = await startTestGateway({
      policy: { ...policy("  accept"), smtp: { messageSizeLimit: 1_000 } },
    });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    await client.say(`Subject: hi\r\n\r\n${"x".repeat(2_000)}\r\n.\r\n`, 552);
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    await client.say("Subject: hi\n\r\n.\r\n", 550);
  });

  test("are not offered by default; the word at MAIL is then taken, and does nothing, as with Exim", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.connect();
    await client.expect(220);
    assert.doesNotMatch(await client.say("EHLO client.example\r\n", 250), /PRDR/);
    assert.match(await client.say(ENVELOPE, 250), /^250 2\.1\.0 OK\r\n$/);
    await client.say(`${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 354);
    await client.say(MESSAGE, 250);
  });

  test("are dropped with a client that goes away in the middle; nothing is taken", async () => {
    await using gateway = await startTestGateway({ policy: policy("  accept delay = 60s") });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${rcpt("ann", "bob")}DATA\r\n`, 250, 250, 250, 354);
    await client.say(MESSAGE, 353);
    // The wait ends with its client.
    const lost = gateway.event(isLine("SMTP connection lost after final dot"));
    client.socket.resetAndDestroy();
    await lost;
    await using next = await gateway.session();
    await next.say(`MAIL FROM:<next@b.example>\r\n${rcpt("ann")}DATA\r\n`, 250, 250, 354);
    await next.say(MESSAGE, 250);
    assert.equal(Value.Parse(RouteItem, (await gateway.taken()).header).returnPath, "next@b.example");
  });

  test("wait for a client that does not read them: what it is not told is not held", async () => {
    const telling = "  accept message = ${length_8000:$h_subject:}\n  log_message = ${length_8000:$h_subject:}";
    await using gateway = await startTestGateway({ policy: { ...policy(telling), smtp: { recipientsMax: 2_000 } } });
    await using client = await gateway.session();
    const names = Array.from({ length: 1_000 }, (_, n) => `u${n}`);
    const accepted = new Array<number>(1_001).fill(250);
    await client.say(`${ENVELOPE}${rcpt(...names)}DATA\r\n`, ...accepted, 354);
    client.socket.pause();
    const before = process.memoryUsage.rss();
    client.socket.write(`Subject: ${"word ".repeat(1_600)}\r\n\r\nhi\r\n.\r\n`);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 25));
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 60_000_000, `${grown} octets for 8 MB of replies`);
    client.socket.resume();
    await client.expect(353);
    for (const code of new Array<number>(1_001).fill(250)) await client.expect(code);
    assert.equal(Value.Parse(RouteItem, (await gateway.taken()).header).recipients.length, 1_000);
  });
});
