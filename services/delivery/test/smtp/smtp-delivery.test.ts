import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import { SpoolError } from "@postbus/spool";
import {
  freePort,
  makeCertificate,
  type PeerAction,
  type PeerMoment,
  type SmtpPeerOptions,
  startSmtpPeer,
} from "@postbus/testkit";
import { hostTerms, Rig, type SendOptions, shown, smtpTransport } from "./rig.ts";

const LOCAL = "127.0.0.1 [127.0.0.1]";
const AFTER = "SMTP error from remote mail server after";
const MAIL = "MAIL FROM:<s@a.test> SIZE=1045";

/** One message to a peer; its result, and what the peer saw. */
async function one(options: SmtpPeerOptions, send: SendOptions = {}) {
  await using rig = new Rig();
  await using peer = await startSmtpPeer(options);
  const report = await rig.deliver(smtpTransport(peer.port), send);
  return { results: report.results.map(shown), notes: report.notes, peer };
}

const at =
  (moment: PeerMoment, action: PeerAction): SmtpPeerOptions["answer"] =>
  (question) =>
    question.moment === moment ? action : undefined;

test("a message is delivered, with the peer's confirmation", async () => {
  const { results, peer } = await one({ answer: at("end of data", "250 OK id=1") });
  assert.deepEqual(results, [`delivered H=${LOCAL} C="250 OK id=1"`]);
  assert.deepEqual(peer.messages, [
    { returnPath: "s@a.test", recipients: ["r@b.test"], content: "Subject: x\r\n\r\nhello\r\n", isTls: false },
  ]);
});

test("what the sender wants of reports is passed on, unless this is the last hop", async () => {
  for (const isLastHop of [false, true]) {
    const seen: string[] = [];
    const answer: SmtpPeerOptions["answer"] = ({ moment, line }) => {
      if (moment === "MAIL" || moment === "RCPT") seen.push(line);
      return undefined;
    };
    const recipients = [{ address: "r@b.test", notification: { notify: ["NEVER" as const] } }, { address: "q@b.test" }];
    const item = { recipients, notification: { ret: "HDRS" as const }, ...(isLastHop ? { isLastHop } : {}) };
    await one({ answer, keywords: ["PIPELINING", "DSN"] }, { item });
    assert.deepEqual(
      seen,
      isLastHop
        ? ["MAIL FROM:<s@a.test>", "RCPT TO:<r@b.test>", "RCPT TO:<q@b.test>"]
        : [
            "MAIL FROM:<s@a.test> RET=HDRS",
            "RCPT TO:<r@b.test> NOTIFY=NEVER ORCPT=rfc822;r@b.test",
            "RCPT TO:<q@b.test>",
          ],
    );
  }
});

test("what needs SMTPUTF8 goes to the first host that knows it, and fails if none does", async () => {
  await using rig = new Rig();
  await using without = await startSmtpPeer({});
  await using knows = await startSmtpPeer({ keywords: ["SMTPUTF8"] });
  const hosts = [without, knows].map(({ port }) => `127.0.0.1::${port}`);
  const send = { recipients: [Buffer.from("ö@b.test").toString("latin1")], item: { smtpUtf8: true as const } };
  const { results } = await rig.deliver(smtpTransport(0, { hosts }), send);
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ["delivered"],
  );
  assert.deepEqual(
    knows.messages.map(({ recipients }) => recipients),
    [send.recipients],
  );
  const report = await rig.deliver(smtpTransport(without.port), send);
  assert.deepEqual(report.results.map(shown), [
    `failed H=${LOCAL}: utf8 support required but not offered for forwarding`,
  ]);
  assert.partialDeepStrictEqual(report.results[0], { ownReply: "553 5.6.7 SMTPUTF8 support required" });
});

describe("each thing that can go wrong at each moment", () => {
  const closed = "deferred (-18) H=127.0.0.1 [127.0.0.1]: Remote host closed connection in response to";
  const late = `deferred (110) H=${LOCAL}: SMTP timeout after`;
  const cases: readonly { at: PeerMoment; do: PeerAction; want: string }[] = [
    { at: "connect", do: { do: "stall" }, want: `${late} initial connection` },
    { at: "connect", do: { do: "cut" }, want: `${closed} initial connection` },
    {
      at: "connect",
      do: { reply: "421 busy", close: true },
      want: `deferred (0) H=${LOCAL}: ${AFTER} initial connection: 421 busy`,
    },
    { at: "connect", do: "554 no", want: `failed H=${LOCAL}: ${AFTER} initial connection: 554 no` },
    { at: "EHLO", do: { do: "stall" }, want: `${late} EHLO mx.a.test` },
    { at: "EHLO", do: { do: "cut" }, want: `${closed} EHLO mx.a.test` },
    {
      at: "EHLO",
      do: { reply: "421 bye", close: true },
      want: `deferred (0) H=${LOCAL}: ${AFTER} EHLO mx.a.test: 421 bye`,
    },
    { at: "MAIL", do: { do: "stall" }, want: `${late} pipelined ${MAIL}` },
    { at: "MAIL", do: { do: "cut" }, want: `${closed} pipelined ${MAIL}` },
    {
      at: "MAIL",
      do: { reply: "421 bye", close: true },
      want: `deferred (-45) H=${LOCAL}: ${AFTER} pipelined ${MAIL}: 421 bye`,
    },
    { at: "MAIL", do: "550 no", want: `failed H=${LOCAL}: ${AFTER} pipelined ${MAIL}: 550 no` },
    { at: "RCPT", do: { do: "stall" }, want: `${late} RCPT TO:<r@b.test>` },
    { at: "RCPT", do: { do: "cut" }, want: `${closed} pipelined RCPT TO:<r@b.test>` },
    {
      at: "RCPT",
      do: { reply: "421 bye", close: true },
      want: `deferred (-44) H=${LOCAL}: ${AFTER} RCPT TO:<r@b.test>: 421 bye`,
    },
    { at: "RCPT", do: "550-no\n550 one", want: `failed H=${LOCAL}: ${AFTER} RCPT TO:<r@b.test>: 550-no\\n550 one` },
    { at: "DATA", do: { do: "stall" }, want: `${late} pipelined DATA` },
    { at: "DATA", do: { do: "cut" }, want: `${closed} pipelined DATA` },
    {
      at: "DATA",
      do: { reply: "421 bye", close: true },
      want: `deferred (-46) H=${LOCAL}: ${AFTER} pipelined DATA: 421 bye`,
    },
    { at: "end of data", do: { do: "stall" }, want: `${late} end of data (21 bytes written)` },
    { at: "end of data", do: { do: "cut" }, want: `${closed} end of data` },
    {
      at: "end of data",
      do: { reply: "421 bye", close: true },
      want: `deferred (-46) H=${LOCAL}: ${AFTER} end of data: 421 bye`,
    },
    { at: "end of data", do: "554 spam", want: `failed H=${LOCAL}: ${AFTER} end of data: 554 spam` },
    {
      at: "MAIL",
      do: { raw: "what?\r\n" },
      want: `deferred (-19) H=${LOCAL}: Malformed SMTP reply in response to pipelined ${MAIL}: what?`,
    },
    { at: "connect", do: { raw: "220-x\r\n".repeat(10_000) }, want: "never ending" },
  ];
  for (const { at: moment, do: action, want } of cases) {
    test(`${moment}: ${JSON.stringify(action).slice(0, 60)}`, async () => {
      const { results } = await one({ answer: at(moment, action) });
      if (want === "never ending") assert.match(results[0] ?? "", /^deferred \(-19\).*Malformed SMTP reply/);
      else assert.deepEqual(results, [want]);
    });
  }
});

test("recipients have their own ends, and 452 makes a further transaction on the same connection", async () => {
  let refusals = 0;
  const { results, peer } = await one(
    {
      answer: ({ moment, line }) => {
        if (moment !== "RCPT") return undefined;
        if (line.includes("gone@")) return "550 unknown";
        if (line.includes("later@")) return "450 later";
        return line.includes("many@") && refusals++ === 0 ? "452 too many" : undefined;
      },
    },
    { recipients: ["ok@b.test", "gone@b.test", "later@b.test", "many@b.test"] },
  );
  assert.deepEqual(results, [
    `delivered H=${LOCAL} C="250 ok"`,
    `failed H=${LOCAL}: ${AFTER} RCPT TO:<gone@b.test>: 550 unknown`,
    `deferred (-44) H=${LOCAL}: ${AFTER} RCPT TO:<later@b.test>: 450 later`,
    `delivered H=${LOCAL}* C="250 ok"`,
  ]);
  assert.equal(peer.connectionCount, 1);
  assert.deepEqual(
    peer.messages.map(({ recipients }) => recipients),
    [["ok@b.test"], ["many@b.test"]],
  );
});

test("max_rcpt splits a message into transactions", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer();
  const recipients = ["a@b.test", "b@b.test", "c@b.test"];
  const { results } = await rig.deliver(smtpTransport(peer.port, { maxRcpt: 2 }), { recipients });
  assert.deepEqual(
    results.map((result) => [result.outcome, "transaction" in result ? result.transaction : 0]),
    [
      ["delivered", 0],
      ["delivered", 0],
      ["delivered", 1],
    ],
  );
  assert.deepEqual(
    peer.messages.map((message) => message.recipients),
    [["a@b.test", "b@b.test"], ["c@b.test"]],
  );
});

test("a peer that closes after each message gets the next transaction on a new connection", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({ answer: at("end of data", { reply: "250 ok", close: true }) });
  const { results } = await rig.deliver(smtpTransport(peer.port, { maxRcpt: 1 }), {
    recipients: ["a@b.test", "b@b.test"],
  });
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ["delivered", "delivered"],
  );
  assert.equal(peer.connectionCount, 2);
});

describe("connections", () => {
  test("are kept for the next message, and given up after connection_max_messages", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer();
    const transport = smtpTransport(peer.port, { connectionMaxMessages: 3 });
    const reused: (boolean | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      const { results } = await rig.deliver(transport);
      reused.push(results[0]?.outcome === "delivered" ? results[0].reused : undefined);
    }
    assert.deepEqual(reused, [undefined, true, true, undefined]);
    assert.equal(peer.connectionCount, 2);
  });

  test("that were closed while they were kept are replaced once, without an error", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({
      // Every connection takes one message; asked for another, it says 421 or nothing.
      answer: ({ moment, connection }) => {
        if (moment !== "MAIL" || peerMailCount(connection) === 1) return undefined;
        return connection % 2 === 0 ? { reply: "421 idle for too long", close: true } : { do: "cut" };
      },
    });
    const counts = new Map<number, number>();
    function peerMailCount(connection: number): number {
      counts.set(connection, (counts.get(connection) ?? 0) + 1);
      return counts.get(connection) ?? 0;
    }
    for (let i = 0; i < 4; i++) {
      const { results, notes } = await rig.deliver(smtpTransport(peer.port));
      assert.deepEqual(results.map(shown), [`delivered H=${LOCAL} C="250 ok"`]);
      assert.deepEqual(notes, []);
    }
  });

  test("are never more than allowed, and whoever waits is served in turn", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer();
    const transport = smtpTransport(peer.port, { maxConnections: 3 });
    const reports = await Promise.all(Array.from({ length: 40 }, () => rig.deliver(transport)));
    assert.ok(reports.every(({ results }) => results[0]?.outcome === "delivered"));
    assert.equal(peer.messages.length, 40);
    assert.ok(peer.connectionCount <= 3);
  });

  test("are a part of what is allowed where that is for the fleet, and one at least", async () => {
    for (const [replicas, most] of [
      [2, 3],
      [9, 1],
    ] as const) {
      await using rig = new Rig({ share: () => replicas });
      await using peer = await startSmtpPeer({ answer: at("end of data", { reply: "250 ok", afterMs: 150 }) });
      const transport = smtpTransport(peer.port, { maxConnections: 6, isLimitOfFleet: true, finalTimeoutMs: 5_000 });
      const reports = await Promise.all(Array.from({ length: 10 }, () => rig.deliver(transport)));
      assert.ok(reports.every(({ results }) => results[0]?.outcome === "delivered"));
      assert.ok(peer.connectionCount <= most, `${peer.connectionCount} connections`);
    }
  });

  test("become fewer where a part of the fleet's limit has gone to another process", async () => {
    let replicas = 1;
    await using rig = new Rig({ share: () => replicas });
    await using peer = await startSmtpPeer({ answer: at("end of data", { reply: "250 ok", afterMs: 150 }) });
    const transport = smtpTransport(peer.port, { maxConnections: 4, isLimitOfFleet: true, finalTimeoutMs: 5_000 });
    const deliverMany = () => Promise.all(Array.from({ length: 12 }, () => rig.deliver(transport)));
    const open = () => peer.connectionCount - peer.commands.filter((command) => command === "QUIT").length;
    await deliverMany();
    assert.ok(open() > 1, `${open()} connections`);
    replicas = 4;
    const reports = await deliverMany();
    assert.ok(reports.every(({ results }) => results[0]?.outcome === "delivered"));
    assert.equal(open(), 1);
  });

  test("become as many as allowed where the host takes its time", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer: at("MAIL", { do: "stall" }) });
    const transport = smtpTransport(peer.port, { maxConnections: 3, commandTimeoutMs: 2_000 });
    const reports = await Promise.all(Array.from({ length: 5 }, () => rig.deliver(transport)));
    assert.ok(reports.every(({ results }) => results[0]?.outcome === "deferred"));
    assert.ok(peer.commands.filter((command) => command.startsWith("EHLO")).length >= 3);
  });

  test("that were needed once are kept, and not used when a host that answers at once gets a few messages at one time", async () => {
    await using rig = new Rig();
    const used = new Set<number>();
    let isSlow = true;
    await using peer = await startSmtpPeer({
      answer: ({ moment, connection }) => {
        if (moment !== "end of data") return undefined;
        used.add(connection);
        return isSlow ? { reply: "250 at last", afterMs: 350 } : undefined;
      },
    });
    const transport = smtpTransport(peer.port, { finalTimeoutMs: 5_000 });
    await Promise.all(Array.from({ length: 3 }, () => rig.deliver(transport)));
    assert.ok(used.size > 1, "the slow host was served over several");
    isSlow = false;
    await rig.deliver(transport);
    used.clear();
    await Promise.all(Array.from({ length: 7 }, () => rig.deliver(transport)));
    assert.equal(used.size, 1);
  });

  test("become twice as many with each look where the host is far away", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer: at("end of data", { reply: "250 ok", afterMs: 250 }) });
    const transport = smtpTransport(peer.port, {
      maxConnections: 20,
      finalTimeoutMs: 20_000,
      connectTimeoutMs: 20_000,
    });
    const reports = await Promise.all(Array.from({ length: 40 }, () => rig.deliver(transport)));
    assert.ok(reports.every(({ results }) => results[0]?.outcome === "delivered"));
    assert.ok(peer.connectionCount >= 16, `${peer.connectionCount} connections`);
  });

  test("become more for a host that answers the dot at once only when many wait", async () => {
    const connectionsFor = async (count: number): Promise<number> => {
      await using rig = new Rig();
      await using peer = await startSmtpPeer({ answer: at("MAIL", { reply: "250 ok", afterMs: 25 }) });
      const transport = smtpTransport(peer.port, { connectTimeoutMs: 5_000, commandTimeoutMs: 5_000 });
      // That it answers at once is known from the fastest of these, however busy the machine is.
      for (let i = 0; i < 5; i++) await rig.deliver(transport);
      await Promise.all(Array.from({ length: count }, () => rig.deliver(transport)));
      return peer.connectionCount;
    };
    assert.equal(await connectionsFor(7), 1);
    assert.ok((await connectionsFor(140)) > 1);
  });

  test("a host that takes long over one message gets the next one over another connection", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({
      answer: ({ moment, connection }) => (moment === "end of data" && connection === 1 ? { do: "stall" } : undefined),
    });
    const transport = smtpTransport(peer.port, { finalTimeoutMs: 13_000 });
    const first = rig.deliver(transport);
    // Longer than a host may stand still that has all the connections it may have.
    await new Promise((resolve) => setTimeout(resolve, 10_500));
    assert.equal((await rig.deliver(transport)).results[0]?.outcome, "delivered");
    assert.equal((await first).results[0]?.outcome, "deferred");
  });

  test("a host that serves fewer than we ask for is used with those it serves", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({
      answer: ({ moment, connection }) =>
        moment === "connect" && connection > 2
          ? { reply: "421 too many connections from you", close: true }
          : undefined,
    });
    // One message first: the host is known to be alive.
    const transport = smtpTransport(peer.port, { maxConnections: 10 });
    await rig.deliver(transport);
    const reports = await Promise.all(Array.from({ length: 30 }, () => rig.deliver(transport)));
    assert.deepEqual(new Set(reports.map(({ results }) => results[0]?.outcome)), new Set(["delivered"]));
  });

  test("that are taken away with the reply to EHLO are an error of the host, and forgotten", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer: at("EHLO", { raw: "250-x\r\n250 PIPELINING\r\n421 bye\r\n" }) });
    const { results } = await rig.deliver(smtpTransport(peer.port));
    assert.deepEqual(results.map(shown), [`deferred (-18) H=${LOCAL}: Remote host closed connection`]);
    assert.equal(rig.pool.openCount, 0);
  });

  test("are closed with QUIT when nobody has needed them for a while", async () => {
    await using rig = new Rig({ idleMs: 30 });
    await using peer = await startSmtpPeer();
    await rig.deliver(smtpTransport(peer.port));
    await peer.idle();
    assert.equal(peer.commands.at(-1), "QUIT");
    assert.equal(rig.pool.openCount, 0);
  });
});

describe("hosts", () => {
  test("refused: deferred without H=, and the next message is not even tried", async () => {
    await using rig = new Rig();
    const transport = smtpTransport(await freePort());
    const first = await rig.deliver(transport);
    assert.deepEqual(first.results.map(shown), ["deferred (111): Connection refused"]);
    assert.deepEqual(first.notes, [`H=${LOCAL} Connection refused`]);
    const second = await rig.deliver(transport);
    assert.deepEqual(second.results.map(shown), ["deferred (-54): retry time not reached for any host for 'b.test'"]);
    assert.deepEqual(second.notes, []);
    for (const item of [{ isForced: true }, { isResumed: true }] as const) {
      const asked = await rig.deliver(transport, { item });
      assert.deepEqual(asked.results.map(shown), ["deferred (111): Connection refused"], "an operator wants it tried");
    }
    assert.deepEqual((await rig.deliver(transport)).results, second.results);
  });

  test("a crowd that an operator wants tried, for a dead host, costs one attempt at one time", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer: at("connect", { reply: "450 not now", close: true }) });
    const transport = smtpTransport(peer.port, { maxConnections: 4 });
    await rig.deliver(transport);
    const crowd = Array.from({ length: 100 }, () => rig.deliver(transport, { item: { isResumed: true } }));
    const reports = await Promise.all(crowd);
    assert.ok(reports.every(({ results }) => results[0]?.outcome === "deferred"));
    assert.equal(peer.connectionCount, 2);
  });

  test("a crowd for a dead host costs as many attempts as connections are allowed", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer: at("connect", { reply: "450 not now", close: true }) });
    const transport = smtpTransport(peer.port, { maxConnections: 4 });
    const reports = await Promise.all(Array.from({ length: 200 }, () => rig.deliver(transport)));
    assert.ok(reports.every(({ results }) => results[0]?.outcome === "deferred"));
    assert.ok(peer.connectionCount <= 4, `${peer.connectionCount} connections`);
  });

  test("the next one is tried with what the first did not settle", async () => {
    await using rig = new Rig();
    await using refusing = await startSmtpPeer({
      answer: ({ moment, line }) =>
        moment !== "RCPT" ? undefined : line.includes("gone@") ? "550 unknown" : "450 later",
    });
    await using taking = await startSmtpPeer();
    const hosts = [`127.0.0.1::${refusing.port}`, `127.0.0.1::${taking.port}`];
    const { results, notes } = await rig.deliver(smtpTransport(25), {
      recipients: ["gone@b.test", "r@b.test"],
      item: { hosts },
    });
    assert.deepEqual(results.map(shown), [
      `failed H=${LOCAL}: ${AFTER} RCPT TO:<gone@b.test>: 550 unknown`,
      `delivered H=${LOCAL} C="250 ok"`,
    ]);
    assert.deepEqual(notes, [`H=${LOCAL}: ${AFTER} RCPT TO:<r@b.test>: 450 later`]);
    assert.deepEqual(
      taking.messages.map((message) => message.recipients),
      [["r@b.test"]],
    );
  });

  test("a final greeting is final only from the last one", async () => {
    await using rig = new Rig();
    await using refusing = await startSmtpPeer({ answer: at("connect", "554 no service") });
    await using taking = await startSmtpPeer();
    const both = [`127.0.0.1::${refusing.port}`, `127.0.0.1::${taking.port}`];
    const { results } = await rig.deliver(smtpTransport(25), { item: { hosts: both } });
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ["delivered"],
    );
  });

  test("a name that does not exist defers", async () => {
    await using rig = new Rig();
    const { results } = await rig.deliver(smtpTransport(25), { item: { hosts: ["does-not-exist.invalid"] } });
    assert.match(
      shown(results[0]),
      /^deferred \(-32\): all host address lookups for 'b.test' failed (permanently|temporarily)$/,
    );
  });
});

describe("the final dot", () => {
  test("is not sent when the item is not held any more", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer();
    let asked = 0;
    const delivered = rig.deliver(smtpTransport(peer.port), { isHeld: () => asked++ === 0 });
    await assert.rejects(delivered, { name: "LeaseLostError" });
    await peer.idle();
    assert.deepEqual(peer.messages, []);
  });

  test("is not sent behind content that turns out to be damaged", async () => {
    const damaged = {
      async *read() {
        yield Buffer.alloc(100_000, "a\r\n");
        throw new SpoolError("digest differs");
      },
    };
    await using rig = new Rig({ spool: damaged });
    await using peer = await startSmtpPeer();
    const content = { kind: "spooled", id: "x", size: 100_000, sha256: "0".repeat(64) } as const;
    await assert.rejects(rig.deliver(smtpTransport(peer.port), { content }), { name: "SpoolError" });
    await peer.idle();
    assert.deepEqual(peer.messages, []);
  });
});

test("large content is streamed, with dots doubled across the pieces", async () => {
  const lines = Array.from({ length: 60_000 }, (_, n) => `.${n}\r\n..\r\n.\r\n`);
  const whole = `Subject: x\r\n\r\n${lines.join("")}`;
  const spool = {
    // In one Buffer, as the real one does: what was not sent when the next piece is asked for is lost.
    async *read() {
      const memory = Buffer.alloc(65_537);
      for (let i = 0; i < whole.length; i += memory.length) {
        yield memory.subarray(0, memory.write(whole.slice(i, i + memory.length), "latin1"));
        memory.fill(0);
      }
    },
  };
  await using rig = new Rig({ spool });
  await using peer = await startSmtpPeer();
  const content = { kind: "spooled", id: "x", size: whole.length, sha256: "0".repeat(64) } as const;
  const { results } = await rig.deliver(
    smtpTransport(peer.port, { commandTimeoutMs: 20_000, finalTimeoutMs: 20_000 }),
    { content },
  );
  assert.deepEqual(results.map(shown), [`delivered H=${LOCAL} C="250 ok"`]);
  assert.equal(peer.messages[0]?.content, whole);
});

test("an address with a line end never reaches the wire", async () => {
  const { results, peer } = await one({}, { recipients: ["a@b.test>\r\nRCPT TO:<evil@c.test", "ok@b.test"] });
  assert.deepEqual(results, ["failed: address contains control characters", `delivered H=${LOCAL} C="250 ok"`]);
  assert.ok(!peer.commands.some((line) => line.includes("evil")));
});

describe("TLS", () => {
  test("is used where it is offered", async () => {
    const { results, peer } = await oneTls({});
    assert.equal(results[0]?.outcome, "delivered");
    assert.match(cipherOf(results[0]), /^TLS1\.3:TLS_[A-Z0-9_]+:(128|256)$/);
    assert.deepEqual(
      peer.messages.map(({ isTls }) => isTls),
      [true],
    );
    assert.equal(peer.commands.filter((line) => line.startsWith("EHLO")).length, 2);
  });

  test("that fails is left out on a new connection, and the log says so", async () => {
    const { results, notes, peer } = await oneTls({ answer: at("STARTTLS", { raw: "220 go\r\nnot a handshake\r\n" }) });
    assert.equal(results[0]?.outcome, "delivered");
    assert.deepEqual(
      peer.messages.map(({ isTls }) => isTls),
      [false],
    );
    assert.equal(peer.connectionCount, 2);
    assert.deepEqual(notes, [
      `TLS session: synch error before connect: delivering unencrypted to H=${LOCAL} (not in hosts_require_tls)`,
    ]);
  });

  test("that fails is a host error where it is required", async () => {
    const { results, peer } = await oneTls({ answer: at("STARTTLS", { raw: "220 go\r\nnot a handshake\r\n" }) }, true);
    assert.deepEqual(results.map(shown), [`deferred (-37) H=${LOCAL}: TLS session: synch error before connect`]);
    assert.deepEqual(peer.messages, []);
  });

  async function oneTls(options: SmtpPeerOptions, requireTls = false) {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ tls: createSecureContext(selfSigned()), ...options });
    const report = await rig.deliver(
      smtpTransport(peer.port, {
        terms: hostTerms({ tls: requireTls ? "required" : "offered" }),
        commandTimeoutMs: 10_000,
      }),
    );
    return { ...report, peer };
  }
});

function cipherOf(result: { outcome: string; cipher?: string } | undefined): string {
  return result?.cipher ?? "";
}

function selfSigned(): { key: string; cert: string } {
  const { privateKey, certificate } = makeCertificate("peer.test");
  return { key: privateKey, cert: certificate };
}
