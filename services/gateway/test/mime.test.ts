import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startTestGateway } from "./start-test-gateway.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
const part = (type: string, body: string): string => `--b\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`;
const message = (...parts: readonly string[]): string =>
  `From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${parts.join("")}--b--\r\n`;
const LONG = `${"x".repeat(98)}\r\n`.repeat(5_000);

const MIME = `
  warn   decode = default
  deny   condition = \${if match{$mime_filename}{\\N\\.exe$\\N}}
         message = no programs: $mime_filename
         log_message = program
  deny   !condition = $mime_is_multipart
         regex = ^EICAR
         message = virus in part $mime_part_count
  discard condition = \${if eq{$mime_content_type}{a/discard}}
  drop   condition = \${if eq{$mime_content_type}{a/drop}}
  defer  condition = \${if eq{$mime_content_type}{a/defer}}
         message = later
  warn   condition = \${if eq{$mime_part_count}{1}}
         add_header = X-First: $mime_content_type $mime_content_size
  accept
`;
const POLICY = { acls: { mime: MIME, data: "accept add_header = X-Data: $h_x-first: $mime_part_count" } };

describe("acl_smtp_mime in the gateway", () => {
  const rows: [name: string, content: string, reply: RegExp][] = [
    [
      "a part is refused",
      message(part("text/plain", "x"), part('a/b; name="x.exe"', "y")),
      /^550 5\.0\.0 no programs: x\.exe/,
    ],
    ["a line in a part", message(part("text/plain", "x\r\nEICAR"), part("a/b", "y")), /^550 5\.0\.0 virus in part 1/],
    [
      "behind spooled parts",
      message(part("text/plain", LONG), part("a/b; name=x.exe", LONG)),
      /^550 5\.0\.0 no programs/,
    ],
    [
      "a line in spooled parts",
      message(part("text/plain", LONG), part("a/b", `${LONG}EICAR`)),
      /^550 5\.0\.0 virus in part 2/,
    ],
    ["a part is for later", message(part("a/defer", "x")), /^451 4\.0\.0 later/],
    ["the connection is dropped", message(part("a/drop", "x")), /^550 5\.0\.0 Administrative prohibition/],
  ];
  for (const [name, content, reply] of rows) {
    test(`${name}: the message is refused, and nothing of it stays`, async () => {
      await using gateway = await startTestGateway({ policy: POLICY });
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      const refused = gateway.event(({ name }) => name === "smtp:reject");
      const answer = await client.say(`${content}.\r\n`, Number(reply.source.slice(1, 4)));
      assert.match(answer, reply);
      const event = await refused;
      assert.match("text" in event ? String(event.text) : "", /^(?:temporarily )?rejected during MIME ACL checks/);
      assert.deepEqual(await gateway.spooled(), []);
      assert.deepEqual(gateway.scanned(), []);
    });
  }

  for (const [name, body] of Object.entries({ small: "hello", spooled: LONG })) {
    test(`a ${name} message is taken with what its parts have added`, async () => {
      await using gateway = await startTestGateway({ policy: POLICY });
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`${message(part("text/plain", body), part("a/b", "y"))}.\r\n`, 250);
      const { content } = await gateway.taken();
      const kilobytes = Math.ceil(`${body}\r\n`.replaceAll("\r", "").length / 1024);
      assert.match(content, new RegExp(`\\r\\nX-First: text/plain ${kilobytes}\\r\\n`));
      assert.match(content, new RegExp(`\\r\\nX-Data: text/plain ${kilobytes} 2\\r\\n`));
      assert.ok(content.includes(part("text/plain", body)));
      assert.deepEqual(gateway.scanned(), []);
    });
  }

  test("a message is thrown away because of one part", async () => {
    await using gateway = await startTestGateway({ policy: POLICY });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    const answer = await client.say(`${message(part("a/discard", "x"))}.\r\n`, 250);
    assert.match(answer, /^250 2\.0\.0 OK id=/);
    assert.deepEqual(await gateway.spooled(), []);
    // The session goes on.
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${message(part("text/plain", "x"))}.\r\n`, 250);
    assert.match((await gateway.taken()).content, /X-First/);
  });

  test("without a Content-Type no part is asked about", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { mime: "deny" } } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say("From: a@b\r\n\r\nx\r\n.\r\n", 250);
  });

  test("control = no_mbox_unspool leaves the files to whoever wants to see them", async () => {
    const policy = { acls: { mime: "accept control = no_mbox_unspool\n  decode = default" } };
    await using gateway = await startTestGateway({ policy });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${message(part("text/plain", "x"))}.\r\n`, 250);
    assert.equal(gateway.scanned().length, 1);
  });

  test("parts that cannot be unpacked are a temporary refusal", async () => {
    const policy = { acls: { mime: "accept decode = default" } };
    await using gateway = await startTestGateway({ policy, settings: { data: "/dev/null/none" } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${message(part("text/plain", "x"))}.\r\n`, 451);
  });
});
