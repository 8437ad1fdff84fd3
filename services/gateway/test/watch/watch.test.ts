import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type WatchFilter, WatchReport, type WatchRequest, watchedSubject, watchSubject } from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway } from "../start-test-gateway.ts";

const main = `
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if eq{$auth3}{hunter2}}
  server_advertise_condition = true
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if eq{$auth2}{hunter2}}
  server_advertise_condition = true
`;

/** What one watcher gets to see. */
class Seen implements Disposable {
  readonly lines: string[] = [];
  dropped = 0;
  #wake: () => void = () => undefined;
  readonly #end: () => void;

  constructor(end: () => void) {
    this.#end = end;
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  take(body: unknown): void {
    assert.ok(Value.Check(WatchReport, body));
    const marks = { client: ">", server: "<", note: "*", end: "*" } as const;
    for (const { kind, text } of body.lines) this.lines.push(`${marks[kind]} ${text}`);
    this.dropped += body.dropped;
    this.#wake();
  }

  async until(fits: (line: string) => boolean): Promise<readonly string[]> {
    while (!this.lines.some(fits)) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.lines;
  }

  /** The commands of a session that has ended. */
  async commands(): Promise<readonly string[]> {
    const lines = await this.until((line) => line === "* the connection is closed");
    return lines.filter((line) => line.startsWith(">")).map((line) => line.slice(2));
  }
}

let next = 0;

async function watch(gateway: TestGateway, filter: WatchFilter = {}, more: Partial<WatchRequest> = {}): Promise<Seen> {
  const id = `w${next++}`;
  const seen = new Seen(() => gateway.bus.broadcast(watchSubject, { v: 1, id, filter, over: true }));
  await gateway.bus.listen(watchedSubject(id), (body) => seen.take(body));
  gateway.bus.broadcast(watchSubject, { v: 1, id, filter, ...more });
  // A broadcast is there at the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  return seen;
}

interface Said {
  readonly helo?: string;
  readonly sender?: string;
  readonly recipient?: string;
}

async function session(
  gateway: TestGateway,
  { helo = "client.example", sender = "ann@out.example", recipient = "bob@example.org" }: Said = {},
) {
  await using client = await gateway.connect();
  await client.expect(220);
  await client.say(`EHLO ${helo}\r\n`, 250);
  await client.say(`MAIL FROM:<${sender}>\r\n`, 250);
  await client.say(`RCPT TO:<${recipient}>\r\n`, recipient.endsWith("@example.org") ? 250 : 550);
  await client.say("QUIT\r\n", 221);
}

describe("a watcher", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway[Symbol.asyncDispose]());

  test("sees a session from its beginning to its end, but not what is in the message", async () => {
    using seen = await watch(gateway);
    {
      await using client = await gateway.session();
      await client.say("NOOP\r\n", 250);
      await client.say("BLAH\r\n", 500);
      await client.say("MAIL FROM:<ann@out.example>\r\n", 250);
      await client.say("RCPT TO:<bob@example.org>\r\n", 250);
      await client.say("DATA\r\n", 354);
      await client.say("Subject: private\r\n\r\nNOOP\r\n.\r\n", 250);
      await client.say("QUIT\r\n", 221);
    }
    const lines = await seen.until((line) => line === "* the connection is closed");
    const shown = lines
      .filter((line) => !line.startsWith("< 250-"))
      .map((line) => line.replace(/id=.*|^(< 2(20|21)).*/, "$1"));
    assert.deepEqual(shown, [
      "* connected",
      "< 220",
      "> EHLO client.example",
      "< 250 HELP",
      "> NOOP",
      "< 250 2.0.0 OK",
      "> BLAH",
      "< 500 5.5.1 unrecognized command",
      "> MAIL FROM:<ann@out.example>",
      "< 250 2.1.0 OK",
      "> RCPT TO:<bob@example.org>",
      "< 250 2.1.5 Accepted",
      "> DATA",
      '< 354 Enter message, ending with "." on a line by itself',
      "* content of a message, 26 octets",
      "< 250 2.0.0 OK ",
      "> QUIT",
      "< 221",
      "* the connection is closed",
    ]);
  });

  const rows: readonly { readonly filter: WatchFilter; readonly yes: Said; readonly no: Said }[] = [
    { filter: { helo: "MAIL.good" }, yes: { helo: "mail.good.example" }, no: { helo: "mail.bad.example" } },
    { filter: { sender: "Ann@" }, yes: { sender: "ann@out.example" }, no: { sender: "eve@out.example" } },
    { filter: { sender: "<>" }, yes: { sender: "" }, no: { sender: "ann@out.example" } },
    { filter: { recipient: "other" }, yes: { recipient: "x@other.example" }, no: { recipient: "x@example.org" } },
    {
      filter: { from: ["192.0.2.0/24", "127.0.0.0/8"], helo: "a.example", sender: "ann" },
      yes: { helo: "a.example" },
      no: { helo: "a.example", sender: "eve@out.example" },
    },
  ];
  for (const { filter, yes, no } of rows) {
    test(`with ${JSON.stringify(filter)} sees only the sessions that fit, each from its beginning`, async () => {
      using seen = await watch(gateway, filter);
      await session(gateway, no);
      await session(gateway, yes);
      const { helo = "client.example", sender = "ann@out.example", recipient = "bob@example.org" } = yes;
      assert.deepEqual(await seen.commands(), [
        `EHLO ${helo}`,
        `MAIL FROM:<${sender}>`,
        `RCPT TO:<${recipient}>`,
        "QUIT",
      ]);
    });
  }

  test("of other networks' clients sees nothing", async () => {
    using other = await watch(gateway, { from: ["192.0.2.0/24"] });
    using all = await watch(gateway);
    await session(gateway);
    await all.commands();
    assert.deepEqual(other.lines, []);
  });

  test("that has what it wanted sees no more", async () => {
    using one = await watch(gateway, {}, { sessions: 1 });
    using all = await watch(gateway, { helo: "second" });
    await session(gateway);
    await session(gateway, { helo: "second.example" });
    await all.commands();
    assert.deepEqual((await one.commands()).slice(0, 1), ["EHLO client.example"]);
    assert.equal(one.lines.filter((line) => line === "* connected").length, 1);
  });

  test("that comes in the middle sees what is said from then on", async () => {
    await using client = await gateway.session();
    using seen = await watch(gateway, { helo: "client.example" });
    await client.say("NOOP\r\n", 250);
    assert.deepEqual(await seen.until((line) => line.startsWith("<")), ["> NOOP", "< 250 2.0.0 OK"]);
  });

  test("sees of a long session before it fits no more than its last lines", async () => {
    using seen = await watch(gateway, { recipient: "last@" });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann@out.example>\r\n", 250);
    for (let i = 0; i < 80; i++) await client.say(`RCPT TO:<${i}@example.org>\r\n`, 250);
    await client.say("RCPT TO:<last@example.org>\r\n", 250);
    const lines = await seen.until((line) => line.startsWith("> RCPT TO:<last"));
    assert.match(lines[0] ?? "", /^\* [0-9]+ lines are not shown$/);
    assert.ok(lines.length < 110, String(lines.length));
  });
});

test("nothing is shown of what is said behind AUTH, however it is said", async () => {
  await using gateway = await startTestGateway({ policy: { main: "", sections: main } });
  using seen = await watch(gateway);
  const secret = Buffer.from("\0ann\0hunter2").toString("base64");
  const [name, password] = ["ann", "hunter2"].map((word) => Buffer.from(word).toString("base64"));
  {
    await using client = await gateway.session();
    await client.say(`auth  plain ${secret}x\r\n`, 501);
    await client.say(` AUTH PLAIN ${secret}\r\n`, 500);
    await client.say("AUTH NTLM\r\n", 504);
    await client.say(`${secret}\r\n`, 500);
    await client.say("AUTH PLAIN\r\n", 334);
    await client.say("*\r\n", 501);
    await client.say("AUTH LOGIN\r\n", 334);
    await client.say(`${name}\r\n`, 334);
    await client.say(`${password}\r\n`, 235);
    await client.say("QUIT\r\n", 221);
  }
  const lines = await seen.until((line) => line === "* the connection is closed");
  for (const word of [secret, name, password, "hunter2"])
    assert.ok(!lines.some((line) => line.includes(String(word))), String(word));
  assert.deepEqual(
    lines.filter((line) => line.startsWith(">")),
    [
      "> EHLO client.example",
      "> auth  plain ***",
      ">  AUTH PLAIN ***",
      "> AUTH NTLM",
      "> ***",
      "> AUTH PLAIN",
      "> ***",
      "> AUTH LOGIN",
      "> ***",
      "> ***",
      "> QUIT",
    ],
  );
});
