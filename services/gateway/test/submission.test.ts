import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RouteItem } from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway, type TestPolicy } from "./start-test-gateway.ts";

const LOGIN = Buffer.from("\0ann\0pw").toString("base64");
const sections = `begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = yes
  server_set_id = $auth2
begin rewrite
*@q.test $1@new.test fs
`;
const main = "qualify_domain = q.test\nauth_advertise_hosts = *\nlog_selector = +address_rewrite +received_sender";

/** @returns what stands on the bus behind the message's own Received field. */
async function submit(policy: TestPolicy, lines: readonly string[]) {
  await using gateway = await startTestGateway({ policy: { main, sections, ...policy } });
  await using client = await gateway.session();
  await client.say(`AUTH PLAIN ${LOGIN}\r\n`, 235);
  await client.say("MAIL FROM:<joe@x.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 250, 354);
  await client.say(`${lines.join("\r\n")}\r\n.\r\n`, 250);
  const { header, content } = await gateway.taken();
  const note = await gateway.event(({ name }) => name === "msg:note" || name === "msg:received");
  const received = await gateway.event(({ name }) => name === "msg:received");
  return {
    item: Value.Parse(RouteItem, header),
    own: content.replace(/^Received:.*\r\n(?:\t.*\r\n)*/, ""),
    note,
    received,
  };
}

describe("control = submission", () => {
  for (const sender of ["Sender: Ann <ann@new.test>", "Sender: Ann <ann@q.test>"]) {
    test(`a client that sends the very Sender field that is to be added has one: ${sender}`, async () => {
      const policy = { acls: { rcpt: "accept control = submission/name=Ann" } };
      const { own } = await submit(policy, ["From: ceo@bank.test", sender, "Date: x", "Message-ID: <a@b>", "", "hi"]);
      assert.deepEqual(own.match(/^Sender: .*$/gm), ["Sender: Ann <ann@new.test>"]);
    });
  }

  test("completes the message, and makes who has authenticated its sender; rules rewrite what was added", async () => {
    const data = "accept add_header = X-Seen: $sender_address, $h_sender:, ${if def:h_date:{dated}}";
    const policy = { acls: { rcpt: "accept control = submission/name=Ann Lee", data } };
    const { item, own, note, received } = await submit(policy, [
      "Sender: old@q.test",
      "From: Boss <boss@q.test>",
      "",
      "hello",
    ]);
    assert.equal(item.returnPath, "ann@q.test");
    const [date] = /Date: .*/.exec(own) ?? [];
    assert.match(date ?? "", /^Date: \w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r?$/);
    assert.deepEqual(own.split("\r\n"), [
      "From: Boss <boss@new.test>",
      `Message-Id: <E${item.messageId}@mx.test>`,
      "Sender: Ann Lee <ann@new.test>",
      date?.trim(),
      "X-Seen: ann@q.test, Ann Lee <ann@new.test>, dated",
      "",
      "hello",
      "",
    ]);
    assert.equal(
      "text" in note ? note.text : "",
      '"joe@x.test" from env-from rewritten as "ann@q.test" by submission mode',
    );
    assert.equal("givenPath" in received ? received.givenPath : "", "joe@x.test");
  });

  test("in content that goes to the spool, which no ACL looks at", async () => {
    const policy = { acls: { rcpt: "accept control = submission/sender_retain" } };
    const { item, own } = await submit(policy, [
      "From: Boss <boss@x.test>",
      "",
      ..."x"
        .repeat(5_000)
        .split("")
        .map(() => "y".repeat(98)),
    ]);
    assert.equal(item.returnPath, "joe@x.test");
    assert.match(own, /^From: Boss <boss@x\.test>\r\nMessage-Id: <E\S+@mx\.test>\r\nDate: .*\r\n\r\nyyy/);
  });

  for (const [options, code] of [
    ["", 550],
    ["/sender_retain", 250],
  ] as const) {
    test(`a login that makes no address, and submission${options}: ${code}`, async () => {
      const login = Buffer.from("\0a\x01b\0pw").toString("base64");
      const policy = { main, sections, acls: { rcpt: `accept control = submission${options}` } };
      await using gateway = await startTestGateway({ policy });
      await using client = await gateway.session();
      await client.say(`AUTH PLAIN ${login}\r\n`, 235);
      await client.say("MAIL FROM:<boss@x.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 250, 354);
      await client.say("From: boss@x.test\r\n\r\nhello\r\n.\r\n", code);
      if (code === 550) assert.deepEqual(await gateway.spooled(), []);
      await client.say("MAIL FROM:<boss@x.test>\r\n", 250);
    });
  }

  test("is for one message", async () => {
    await using gateway = await startTestGateway({
      policy: {
        acls: { mail: "accept condition = ${if eq{$sender_address}{a@x.test}}\n control = submission\naccept" },
      },
    });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<a@x.test>\r\nRSET\r\nMAIL FROM:<b@x.test>\r\n", 250, 250, 250);
    await client.say("RCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 354);
    await client.say("A: b\r\n\r\nx\r\n.\r\n", 250);
    assert.ok(!(await gateway.taken()).content.includes("Message-Id"));
  });

  /** What a real Exim 4.98.2 makes of them. */
  const ids: readonly [options: string, wanted: RegExp][] = [
    [
      "message_id_header_domain = $sender_host_address/x_y\nmessage_id_header_text = a b<c>@$authenticated_id",
      /^<E\S+\.a-b-c--ann@127\.0\.0\.1-x-y>$/,
    ],
    [
      "message_id_header_domain = ${if eq{a}{b}{x}}\nmessage_id_header_text = ${if eq{a}{b}{x}fail}",
      /^<E[^.]+@mx\.test>$/,
    ],
    ["message_id_header_domain = ${lookup{x}lsearch{/nowhere/at/all}}", /^<E[^.]+@mx\.test>$/],
  ];
  for (const [options, wanted] of ids) {
    test(options.slice(0, 60), async () => {
      const policy = { acls: { rcpt: "accept control = submission" }, main: `${main}\n${options}` };
      const { own } = await submit(policy, ["From: ann@q.test", "", "x"]);
      assert.match(/Message-Id: (.*)\r/.exec(own)?.[1] ?? "", wanted);
    });
  }
});
