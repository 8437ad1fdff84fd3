import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SmtpTransport } from "@postbus/policy";
import { type PeerAction, type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import { Rig, shown, smtpTransport } from "./rig.ts";

const LOCAL = "127.0.0.1 [127.0.0.1]";
const AFTER = "SMTP error from remote mail server after";
const recipients = ["a@b.test", "c@b.test", "d@b.test"];

async function sent(options: SmtpPeerOptions, changes: Partial<SmtpTransport> = {}, to = recipients) {
  await using rig = new Rig();
  await using peer = await startSmtpPeer(options);
  const report = await rig.deliver(smtpTransport(peer.port, { commandTimeoutMs: 5_000, ...changes }), {
    recipients: to,
  });
  return { results: report.results.map(shown), plain: report.results, peer };
}

/** What the peer says to the end of data. */
const final = (action: PeerAction, keywords: readonly string[]): SmtpPeerOptions => ({
  keywords,
  answer: ({ moment }) => (moment === "end of data" || moment === "BDAT" ? action : undefined),
});

const delivered = (text: string) => `delivered H=${LOCAL} C="${text}"`;
const deferred = (errno: number, text: string) => `deferred (${errno}) H=${LOCAL}: ${text}`;
const failed = (text: string) => `failed H=${LOCAL}: ${text}`;
const lines = (...replies: string[]): PeerAction => ({ raw: replies.map((reply) => `${reply}\r\n`).join("") });

describe("PRDR (draft-hall-prdr-00)", () => {
  const PRDR = ["PIPELINING", "PRDR"];
  const cases: readonly (readonly [name: string, action: PeerAction, want: readonly string[]])[] = [
    [
      "each recipient has its own reply, and the last one confirms",
      lines("353 go on", "250 first good", "450 second later", "550 third no", "250 some"),
      [
        delivered("250 first good\\n250 some"),
        deferred(0, "PRDR error after DATA: 450 second later"),
        failed("PRDR error after DATA: 550 third no"),
      ],
    ],
    ["one reply for all: taken", lines("250 all"), [delivered("250 all"), delivered("250 all"), delivered("250 all")]],
    ["one reply for all: later", lines("451 later"), Array(3).fill(deferred(-46, `${AFTER} end of data: 451 later`))],
    ["one reply for all: never", lines("550 no"), Array(3).fill(failed(`${AFTER} end of data: 550 no`))],
    [
      "a last reply that refuses all takes back what was said",
      lines("353 go on", "250 good", "450 later", "550 no", "554 after all not"),
      Array(3).fill(failed(`${AFTER} end of data: 554 after all not`)),
    ],
    [
      "a last reply that puts all off leaves the refused refused",
      lines("353 go on", "250 good", "450 later", "550 no", "451 after all later"),
      [
        deferred(-46, `${AFTER} end of data: 451 after all later`),
        deferred(0, "PRDR error after DATA: 450 later"),
        failed("PRDR error after DATA: 550 no"),
      ],
    ],
    [
      "a reply to a recipient that makes no sense is no success",
      lines("353 go on", "250 good", "354 what?", "250 good", "250 some"),
      [
        delivered("250 good\\n250 some"),
        deferred(0, "PRDR error after DATA: 354 what?"),
        delivered("250 good\\n250 some"),
      ],
    ],
    [
      "fewer replies than recipients: nothing was delivered, for the last is missing",
      lines("353 go on", "250 good", "250 all"),
      Array(3).fill(deferred(110, "SMTP timeout after end of data (21 bytes written)")),
    ],
    [
      "a malformed 353",
      lines("353 go on", "353-250", "999 x"),
      Array(3).fill(deferred(-19, "Malformed SMTP reply in response to end of data: 353-250\\n999 x")),
    ],
    [
      "the connection breaks before the last reply: nothing was delivered",
      { reply: "353 go on\n250 good\n250 good\n550 no", close: true },
      Array(3).fill(deferred(-18, "Remote host closed connection in response to end of data")),
    ],
  ];
  for (const [name, action, want] of cases) {
    test(name, async () => assert.deepEqual((await sent(final(action, PRDR))).results, want));
  }

  test("is asked for with two recipients at least, and its use is in the results", async () => {
    const { peer, plain } = await sent(final(lines("353 x", "250 a", "250 b", "250 c", "250 all"), PRDR));
    assert.ok(peer.commands.includes("MAIL FROM:<s@a.test> PRDR"));
    assert.deepEqual(
      plain.map((one) => one.isPrdr),
      [true, true, true],
    );
    const one = await sent(final("250 ok", PRDR), {}, ["a@b.test"]);
    assert.ok(one.peer.commands.includes("MAIL FROM:<s@a.test>"));
    const declined = await sent(final("250 ok", PRDR));
    assert.deepEqual(
      declined.plain.map((result) => result.isPrdr),
      [undefined, undefined, undefined],
    );
  });

  test("who was refused at RCPT has no reply of its own", async () => {
    const { results } = await sent({
      keywords: PRDR,
      answer: ({ moment, line }) => {
        if (line.includes("<c@")) return "550 unknown";
        return moment === "end of data" ? lines("353 x", "250 a", "550 d", "250 some") : undefined;
      },
    });
    assert.deepEqual(results, [
      delivered("250 a\\n250 some"),
      failed(`${AFTER} RCPT TO:<c@b.test>: 550 unknown`),
      failed("PRDR error after DATA: 550 d"),
    ]);
  });

  test("with chunks, the replies come behind the last one", async () => {
    const action = lines("353 x", "250 a", "450 b", "250 c", "250 some");
    const { results, plain } = await sent(final(action, [...PRDR, "CHUNKING"]));
    assert.deepEqual(results, [
      delivered("250 a\\n250 some"),
      deferred(0, "PRDR error after BDAT 21 LAST: 450 b"),
      delivered("250 c\\n250 some"),
    ]);
    assert.equal(plain[0]?.isChunked, true);
  });

  test("the next message over the same connection is as if nothing had been", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer(final(lines("353 x", "250 a", "250 b", "250 c", "250 all"), PRDR));
    const transport = smtpTransport(peer.port);
    for (let i = 0; i < 3; i++) {
      const { results } = await rig.deliver(transport, { recipients });
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        ["delivered", "delivered", "delivered"],
      );
    }
    assert.equal(peer.connectionCount, 1);
  });
});

describe("LMTP over TCP (RFC 2033)", () => {
  const LMTP = { isLmtp: true };
  const KEYWORDS = ["PIPELINING", "SIZE"];

  test("says LHLO, and each recipient has the reply that is its own", async () => {
    const { results, peer } = await sent(final(lines("250 in", "452 full", "552 too large"), KEYWORDS), LMTP);
    assert.equal(peer.commands[0], "LHLO mx.a.test");
    assert.deepEqual(results, [
      delivered("250 in"),
      deferred(0, "LMTP error after DATA: 452 full"),
      failed("LMTP error after DATA: 552 too large"),
    ]);
  });

  test("what was taken before the connection broke has been taken", async () => {
    const { results } = await sent(final({ reply: "250 in", close: true }, KEYWORDS), LMTP);
    const lost = deferred(-18, "Remote host closed connection in response to end of data");
    assert.deepEqual(results, [delivered("250 in"), lost, lost]);
  });

  test("fewer replies than recipients: those without one wait", async () => {
    const { results } = await sent(final(lines("250 in"), KEYWORDS), LMTP);
    const late = deferred(110, "SMTP timeout after end of data (21 bytes written)");
    assert.deepEqual(results, [delivered("250 in"), late, late]);
  });

  test("more replies than recipients are nobody's", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer(final(lines("250 in", "250 in", "250 in", "550 more"), KEYWORDS));
    for (let i = 0; i < 2; i++) {
      const { results } = await rig.deliver(smtpTransport(peer.port, LMTP), { recipients });
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        ["delivered", "delivered", "delivered"],
      );
    }
  });

  test("a refused LHLO is not tried again as HELO", async () => {
    const { results, peer } = await sent(
      { answer: ({ moment }) => (moment === "LHLO" ? "500 what?" : undefined) },
      LMTP,
    );
    assert.deepEqual(results, Array(3).fill(failed(`${AFTER} LHLO mx.a.test: 500 what?`)));
    assert.deepEqual(peer.commands, ["LHLO mx.a.test"]);
  });

  test("lmtp_ignore_quota is said where it is understood", async () => {
    const ignores = { ...LMTP, ignoresQuota: true };
    const all = lines("250 in", "250 in", "250 in");
    const known = await sent(final(all, [...KEYWORDS, "IGNOREQUOTA"]), ignores);
    assert.ok(known.peer.commands.includes("RCPT TO:<a@b.test> IGNOREQUOTA"));
    const unknown = await sent(final(all, KEYWORDS), ignores);
    assert.ok(unknown.peer.commands.includes("RCPT TO:<a@b.test>"));
  });

  test("with chunks, each recipient has its reply behind the last one", async () => {
    const { results } = await sent(final(lines("250 in", "450 later", "550 no"), [...KEYWORDS, "CHUNKING"]), LMTP);
    assert.deepEqual(results, [
      delivered("250 in"),
      deferred(0, "LMTP error after BDAT 21 LAST: 450 later"),
      failed("LMTP error after BDAT 21 LAST: 550 no"),
    ]);
  });
});
