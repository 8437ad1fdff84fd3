import assert from "node:assert/strict";
import { test } from "node:test";
import { Decided, type DecisionStage, type MailEvent } from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway, type TestOptions } from "../start-test-gateway.ts";

const acls = {
  connect: "  warn set acl_c_secret = hunter2\n  accept hosts = 127.0.0.1",
  mail: "  deny senders = bad@out.example\n  accept",
  rcpt: `  require acl = inner
  deny   local_parts = nobody
         message = 550 5.1.1 no such user
  defer  local_parts = later
  accept domains = example.org
  deny   message = 550 5.7.1 relay not permitted
         log_message = relay not permitted
inner:
  accept condition = \${if eq{$acl_c_secret}{hunter2}}`,
  data: "  deny condition = ${if match{$h_subject:}{virus}}\n    message = 550 virus\n  discard condition = ${if match{$h_subject:}{gone}}\n  accept",
};

const start = (settings: TestOptions["settings"] = {}) => startTestGateway({ policy: { acls }, settings });

const decision = async (gateway: TestGateway, fits: (event: Decided) => boolean = () => true): Promise<Decided> => {
  const event = await gateway.event((one) => one.name === "msg:decided" && fits(one));
  assert.ok(Value.Check(Decided, event), JSON.stringify([...Value.Errors(Decided, event)].slice(0, 3)));
  return event;
};

/** `rcpt a@b: refuse 550 …`, then each step. */
const told = ({ stages }: Decided): string[] =>
  stages.flatMap((stage) => [stageText(stage), ...stage.steps.map((step) => `  ${stepText(step)}`)]);

function stageText({ stage, about, verdict, isTemporary, reply }: DecisionStage): string {
  const words = [stage, about, isTemporary === true ? "temporarily" : undefined, verdict, reply];
  return words.filter((word) => word !== undefined).join(" ");
}

function stepText({ acl, depth, verb, at, checks, outcome, decides }: DecisionStage["steps"][number]): string {
  const all = checks.map(({ name, value, said, line }) => `${line} ${name}=${value} ${said}`);
  return `${decides === true ? "*" : " "}${depth ?? 0} ${at} ${acl} ${verb}: ${[...all, outcome].join("; ")}`;
}

test("with an accepted message goes one event: each stage, each statement, where it stands, which has decided", async () => {
  await using gateway = await start();
  await using client = await gateway.session();
  await client.say("MAIL FROM:<ann@out.example>\r\n", 250);
  await client.say("RCPT TO:<nobody@example.org>\r\n", 550);
  await client.say("RCPT TO:<bob@example.org>\r\n", 250);
  await client.say("DATA\r\n", 354);
  const reply = await client.say("Subject: hello\r\n\r\ntext\r\n.\r\n", 250);
  await client.say("QUIT\r\n", 221);
  const event = await decision(gateway);
  assert.equal(event.outcome, "accepted");
  assert.match(reply, new RegExp(`id=${event.messageId}`));
  assert.deepEqual(told(event), [
    "connect accept",
    "   0 p.conf:19 connect warn: 19 set acl_c_secret=undefined yes; yes",
    "  *0 p.conf:20 connect accept: 20 hosts=127.0.0.1 yes; yes",
    "mail accept",
    "   0 p.conf:22 mail deny: 22 senders=bad@out.example no; no",
    "  *0 p.conf:23 mail accept: yes",
    "rcpt nobody@example.org refuse 550 5.1.1 no such user",
    "  *1 p.conf:17 inner accept: 17 condition=… yes; yes",
    "   0 p.conf:9 rcpt require: 9 acl=inner yes; yes",
    "  *0 p.conf:10 rcpt deny: 10 local_parts=nobody yes; yes",
    "rcpt bob@example.org accept",
    "  *1 p.conf:17 inner accept: 17 condition=… yes; yes",
    "   0 p.conf:9 rcpt require: 9 acl=inner yes; yes",
    "   0 p.conf:10 rcpt deny: 10 local_parts=nobody no; no",
    "   0 p.conf:12 rcpt defer: 12 local_parts=later no; no",
    "  *0 p.conf:13 rcpt accept: 13 domains=example.org yes; yes",
    "data accept",
    "   0 p.conf:25 data deny: 25 condition=… no; no",
    "   0 p.conf:27 data discard: 27 condition=… no; no",
    "  *0 p.conf:28 data accept: yes",
  ]);
  assert.ok(!JSON.stringify(event).includes("hunter2"));
});

/** What becomes of a message with this subject. */
async function send(gateway: TestGateway, subject: string, code: number): Promise<string> {
  await using client = await gateway.session();
  await client.say("MAIL FROM:<ann@out.example>\r\n", 250);
  await client.say("RCPT TO:<bob@example.org>\r\n", 250);
  await client.say("DATA\r\n", 354);
  const reply = await client.say(`Subject: ${subject}\r\n\r\ntext\r\n.\r\n`, code);
  await client.say("QUIT\r\n", 221);
  return reply;
}

for (const [subject, code, outcome] of [
  ["virus", 550, "refused"],
  ["gone", 250, "discarded"],
] as const) {
  test(`a message that is ${outcome} has an event under its id, with the envelope`, async () => {
    await using gateway = await start({ decisions: "refused" });
    await send(gateway, subject, code);
    const { stages, ...event } = await decision(gateway);
    assert.partialDeepStrictEqual(event, {
      outcome,
      clientAddress: "127.0.0.1",
      helo: "client.example",
      returnPath: "ann@out.example",
      recipients: ["bob@example.org"],
    });
    assert.equal(stages.at(-1)?.stage, "data");
  });
}

const refusals: readonly { readonly name: string; readonly say: readonly [string, number][]; readonly want: object }[] =
  [
    {
      name: "all recipients of a transaction",
      say: [
        ["MAIL FROM:<ann@out.example>\r\n", 250],
        ["RCPT TO:<x@other.example>\r\n", 550],
        ["RCPT TO:<later@example.org>\r\n", 451],
      ],
      want: { returnPath: "ann@out.example", recipients: ["x@other.example", "later@example.org"] },
    },
    {
      name: "the sender",
      say: [["MAIL FROM:<bad@out.example>\r\n", 550]],
      want: { returnPath: "bad@out.example", recipients: [] },
    },
  ];
for (const { name, say, want } of refusals) {
  for (const [how, end, codes] of [
    ["the connection ends", "QUIT\r\n", [221]],
    ["the next transaction begins", "RSET\r\nMAIL FROM:<next@out.example>\r\n", [250, 250]],
  ] as const) {
    test(`a refusal of ${name} is told by one event when ${how}`, async () => {
      await using gateway = await start({ decisions: "refused" });
      await using client = await gateway.session();
      for (const [command, code] of say) await client.say(command, code);
      await client.say(end, ...codes);
      client.socket.end();
      assert.partialDeepStrictEqual(await decision(gateway), { outcome: "refused", ...want });
    });
  }
}

test("of messages that are accepted whole, nothing is told where only refusals are wanted", async () => {
  await using gateway = await start({ decisions: "refused" });
  await send(gateway, "hello", 250);
  await send(gateway, "virus", 550);
  const seen: MailEvent[] = [];
  await gateway.event((event) => seen.push(event) > 0 && event.name === "msg:decided");
  assert.deepEqual(
    seen.filter(({ name }) => name === "msg:decided").map((event) => "outcome" in event && event.outcome),
    ["refused"],
  );
});

test("control = debug: those of that session are told until it says otherwise", async () => {
  const mail =
    "accept senders = a@out.example\n control = debug/tag=.x\n accept senders = c@out.example\n control = debug/kill\n accept";
  await using gateway = await startTestGateway({ policy: { acls: { mail } }, settings: { decisions: "refused" } });
  await using client = await gateway.session();
  const want: string[] = [];
  for (const [sender, isTold] of [
    ["b", false],
    ["a", true],
    ["b", true],
    ["c", false],
    ["b", false],
  ] as const) {
    await client.say(`MAIL FROM:<${sender}@out.example>\r\nRCPT TO:<x@example.org>\r\nDATA\r\n`, 250, 250, 354);
    const id = /id=(\S+)/.exec(await client.say("\r\n.\r\n", 250))?.[1] ?? "";
    want.push(`msg:received ${id}`, ...(isTold ? [`msg:decided ${id}`] : []));
  }
  const seen: string[] = [];
  const isToldOf = ({ name }: MailEvent): boolean => name === "msg:decided" || name === "msg:received";
  await gateway.event((event) => isToldOf(event) && seen.push(`${event.name} ${event.messageId}`) === want.length);
  assert.deepEqual(seen, want);
});

test("where nothing is wanted, nothing is told", async () => {
  await using gateway = await start({ decisions: "none" });
  await send(gateway, "virus", 550);
  const seen: MailEvent[] = [];
  await gateway.event((event) => seen.push(event) > 0 && event.name === "smtp:reject");
  assert.deepEqual(
    seen.map(({ name }) => name),
    ["smtp:reject"],
  );
});

test("many recipients leave a bounded record, which says that it is cut, and still how it ended", async () => {
  await using gateway = await start();
  await using client = await gateway.session();
  await client.say("MAIL FROM:<ann@out.example>\r\n", 250);
  for (let i = 0; i < 80; i++) await client.say(`RCPT TO:<${"x".repeat(50)}${i}@example.org>\r\n`, 250);
  await client.say("DATA\r\n", 354);
  await client.say("Subject: hello\r\n\r\ntext\r\n.\r\n", 250);
  await client.say("QUIT\r\n", 221);
  const event = await decision(gateway);
  assert.equal(event.omittedStages, 50);
  assert.equal(event.stages.at(-1)?.stage, "data");
  assert.ok(JSON.stringify(event).length < 40_000, String(JSON.stringify(event).length));
  const cut = event.stages.find(({ omittedSteps }) => omittedSteps !== undefined);
  assert.deepEqual(
    cut?.steps.map(({ verb, decides }) => [verb, decides]),
    [["accept", true]],
  );
});

test("a command that is given again and again is in the record once, as it was answered last", async () => {
  const again = { ...acls, predata: "  defer" };
  await using gateway = await startTestGateway({ policy: { acls: again } });
  await using client = await gateway.session();
  await client.say("MAIL FROM:<ann@out.example>\r\n", 250);
  await client.say("RCPT TO:<bob@example.org>\r\n", 250);
  for (let i = 0; i < 20; i++) await client.say("DATA\r\n", 451);
  client.socket.end("QUIT\r\n");
  const event = await decision(gateway);
  assert.deepEqual(
    event.stages.map(({ stage }) => stage),
    ["connect", "mail", "rcpt", "predata"],
  );
});

test("where each recipient has an answer of its own, each is told with its recipient", async () => {
  const prdr = "  deny local_parts = bob\n  accept";
  await using gateway = await startTestGateway({
    policy: { main: "prdr_enable", acls: { rcpt: "  accept", data_prdr: prdr } },
  });
  await using client = await gateway.session();
  await client.say("MAIL FROM:<ann@out.example> PRDR\r\n", 250);
  await client.say("RCPT TO:<bob@example.org>\r\n", 250);
  await client.say("RCPT TO:<eve@example.org>\r\n", 250);
  await client.say("DATA\r\n", 354);
  await client.say("Subject: hello\r\n\r\ntext\r\n.\r\n", 353, 550, 250, 250);
  client.socket.end("QUIT\r\n");
  const event = await decision(gateway);
  assert.equal(event.outcome, "accepted");
  assert.deepEqual(event.stages.filter(({ stage }) => stage === "data_prdr").map(stageText), [
    "data_prdr bob@example.org refuse",
    "data_prdr eve@example.org accept",
  ]);
});
