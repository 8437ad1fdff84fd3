import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PeerAction, type PeerQuestion, type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import fc from "fast-check";
import { LeaseLostError } from "../../src/lease-lost-error.ts";
import { Rig, shown, smtpTransport } from "./rig.ts";

const LOCAL = "127.0.0.1 [127.0.0.1]";
const SILENCE: PeerAction = { raw: "" };
const STALL: PeerAction = { do: "stall" };

/** Answers by what is asked for the how manieth time: `MAIL 3`. */
function nth(answers: Readonly<Record<string, PeerAction | (() => PeerAction)>>): SmtpPeerOptions["answer"] {
  const counts = new Map<string, number>();
  return ({ moment }) => {
    const count = (counts.get(moment) ?? 0) + 1;
    counts.set(moment, count);
    const action = answers[`${moment} ${count}`];
    return typeof action === "function" ? action() : action;
  };
}

/** Three messages at one time; the connection is known to be fast after the first, so the third follows the second. */
async function three(
  answer: SmtpPeerOptions["answer"],
  { changes = {}, isThirdHeld = () => true }: { changes?: object; isThirdHeld?: () => boolean } = {},
) {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({ answer });
  const transport = smtpTransport(peer.port, { maxConnections: 1, ...changes });
  const ends = await Promise.allSettled([
    rig.deliver(transport, { recipients: ["1@b.test"] }),
    rig.deliver(transport, { recipients: ["2@b.test"] }),
    rig.deliver(transport, { recipients: ["3@b.test"], isHeld: isThirdHeld }),
  ]);
  const results = ends.map((end) =>
    end.status === "rejected" ? end.reason : shown(end.value.results[0]).replace(`H=${LOCAL}`, "H"),
  );
  return { results, peer, accepted: peer.messages.map(({ recipients: [to] }) => to?.[0]) };
}

describe("the next envelope behind the final dot", () => {
  test("is there before the reply to the dot", async () => {
    const { results, peer } = await three(
      nth({ "end of data 2": SILENCE, "MAIL 3": { raw: "250 second\r\n250 ok\r\n" }, "end of data 3": "250 third" }),
    );
    assert.deepEqual(results, ['delivered H C="250 ok"', 'delivered H* C="250 second"', 'delivered H* C="250 third"']);
    assert.equal(peer.connectionCount, 1);
  });

  test("is not sent to a peer that does not know PIPELINING", async () => {
    await using rig = new Rig();
    const seen: string[] = [];
    let pending = false;
    await using peer = await startSmtpPeer({
      keywords: [],
      answer: ({ moment }) => {
        if (moment === "MAIL") seen.push(pending ? "too early" : "in time");
        pending = moment === "end of data";
        if (pending) setImmediate(() => (pending = false));
        return undefined;
      },
    });
    const transport = smtpTransport(peer.port, { maxConnections: 1 });
    await Promise.all([1, 2, 3].map((n) => rig.deliver(transport, { recipients: [`${n}@b.test`] })));
    assert.deepEqual(seen, ["in time", "in time", "in time"]);
  });

  test("is sent to a host that has been known for a while", async () => {
    await using rig = new Rig({ steadyMs: 300 });
    const isAhead: boolean[] = [];
    let isPending = false;
    await using peer = await startSmtpPeer({
      answer: ({ moment }) => {
        if (moment === "MAIL") isAhead.push(isPending);
        isPending = moment === "end of data";
        if (isPending) setImmediate(() => (isPending = false));
        return undefined;
      },
    });
    const transport = smtpTransport(peer.port, { maxConnections: 1 });
    const untilMs = performance.now() + 10_000;
    const senders = [1, 2, 3].map(async (n) => {
      while (!isAhead.includes(true) && performance.now() < untilMs)
        await rig.deliver(transport, { recipients: [`${n}@b.test`] });
    });
    await Promise.all(senders);
    assert.ok(isAhead.indexOf(true) > 10, `the first is number ${isAhead.indexOf(true)}`);
  });

  test("does not go beyond connection_max_messages", async () => {
    const { results, peer } = await three(undefined, { changes: { connectionMaxMessages: 2 } });
    assert.deepEqual(results, ['delivered H C="250 ok"', 'delivered H* C="250 ok"', 'delivered H C="250 ok"']);
    assert.deepEqual(
      peer.commands.filter((line) => /^(MAIL|QUIT|EHLO)/.test(line)).map((line) => line.slice(0, 4)),
      ["EHLO", "MAIL", "MAIL", "QUIT", "EHLO", "MAIL"],
    );
  });

  const broken = [
    { name: "closes after the reply", action: { reply: "250 bye", close: true }, second: 'delivered H* C="250 bye"' },
    {
      name: "answers 421",
      action: { reply: "421 bye", close: true },
      second: "deferred (-46) H: SMTP error from remote mail server after end of data: 421 bye",
    },
    {
      name: "closes without a reply",
      action: { do: "cut" },
      second: "deferred (-18) H: Remote host closed connection in response to end of data",
    },
    {
      name: "refuses what was sent",
      action: "550 spam",
      second: "failed H: SMTP error from remote mail server after end of data: 550 spam",
    },
  ] as const;
  for (const { name, action, second } of broken) {
    test(`when the peer ${name}: the next message is delivered all the same, and without an error`, async () => {
      const { results, accepted } = await three(nth({ "end of data 2": action }));
      assert.equal(results[1], second);
      assert.match(String(results[2]), /^delivered H\*? C="250 ok"$/);
      assert.deepEqual(
        accepted.filter((to) => to === "3"),
        ["3"],
      );
    });
  }

  test("when the peer takes its time all of a sudden: the next message goes over another connection", async () => {
    const { results, accepted, peer } = await three(nth({ "end of data 2": SILENCE, "MAIL 3": STALL }), {
      changes: { maxConnections: 2, finalTimeoutMs: 4_000, commandTimeoutMs: 4_000 },
    });
    assert.deepEqual(results, [
      'delivered H C="250 ok"',
      "deferred (110) H: SMTP timeout after end of data (21 bytes written)",
      'delivered H C="250 ok"',
    ]);
    assert.deepEqual(accepted, ["1", "3"]);
    assert.equal(peer.connectionCount, 2);
  });

  for (const late of ["421 bye", "550 no", "250 what"]) {
    test(`a peer that says "354" and "${late}" in one breath gets no content, and the next message is delivered`, async () => {
      const { results, accepted } = await three(nth({ "DATA 2": { raw: `354 go\r\n${late}\r\n` } }));
      assert.match(String(results[1]), /^(deferred|failed) /);
      assert.match(String(results[2]), /^delivered /);
      assert.deepEqual(accepted, ["1", "3"]);
    });
  }

  test("is followed by nothing when the item is taken back meanwhile", async () => {
    let isHeld = true;
    const take = () => {
      isHeld = false;
      return STALL;
    };
    const { results, accepted } = await three(nth({ "end of data 2": SILENCE, "MAIL 3": take }), {
      isThirdHeld: () => isHeld,
    });
    assert.ok(results[2] instanceof LeaseLostError, String(results[2]));
    assert.deepEqual(accepted, ["1"]);
  });
});

for (const [refused, want] of [
  ["x@b.test", ["failed H", "delivered H"]],
  ["y@b.test", ["delivered H", "failed H"]],
] as const) {
  test(`a peer that answers a dot twice refuses nobody but ${refused}, whom it refuses`, async () => {
    await using rig = new Rig();
    const counted = nth({ "end of data 2": "250 ok\n250 ok again" });
    await using peer = await startSmtpPeer({
      answer: (question) => (question.line === `RCPT TO:<${refused}>` ? "550 no such" : counted?.(question)),
    });
    const transport = smtpTransport(peer.port, { maxConnections: 1 });
    const reports = await Promise.all(
      [["1@b.test"], ["2@b.test"], ["x@b.test", "y@b.test"]].map((recipients) =>
        rig.deliver(transport, { recipients }),
      ),
    );
    const ends = reports[2]?.results.map((result) =>
      shown(result)
        .replace(/ \[127.*/, "")
        .replace(/=127.*/, ""),
    );
    assert.deepEqual(ends, want);
    assert.deepEqual(
      peer.messages.map(({ recipients }) => recipients.length),
      [1, 1, 1],
    );
    assert.equal(peer.connectionCount, 2);
  });
}

test("whatever the peer does, no message gets another's reply", async () => {
  const COUNT = 12;
  const actions: readonly (PeerAction | undefined)[] = [
    undefined,
    "451 later",
    "550 no",
    { reply: "421 bye", close: true },
    { do: "cut" },
  ];
  const what = fc.array(fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(4) }), {
    minLength: 40,
    maxLength: 120,
  });
  await fc.assert(
    fc.asyncProperty(what, fc.integer({ min: 1, max: 3 }), async (script, maxConnections) => {
      await using rig = new Rig();
      /** By connection: whom the peer would take content for; undefined before an accepted MAIL. */
      const accepts = new Map<number, string[] | undefined>();
      const accepted: string[] = [];
      let step = 0;
      const answer = ({ moment, line, connection }: PeerQuestion): PeerAction | undefined => {
        if (!/^(MAIL|RCPT|DATA|end of data)$/.test(moment)) return undefined;
        const to = accepts.get(connection);
        if (moment === "RCPT" && to === undefined) return "503 MAIL first";
        if (moment === "DATA" && !to?.length) return "503 RCPT first";
        const action = actions[script[step++ % script.length] ?? 0];
        if (moment === "MAIL") accepts.set(connection, action === undefined ? [] : undefined);
        if (moment === "RCPT" && action === undefined) to?.push(/<(.*)>/.exec(line)?.[1] ?? "");
        if (action !== undefined || moment !== "end of data") return action;
        accepted.push(...(to ?? []));
        return `250 ${to}`;
      };
      await using peer = await startSmtpPeer({ answer });
      const transport = smtpTransport(peer.port, { maxConnections, commandTimeoutMs: 10_000, finalTimeoutMs: 10_000 });
      const reports = await Promise.all(
        Array.from({ length: COUNT }, (_, n) => rig.deliver(transport, { recipients: [`${n}@b.test`] })),
      );
      const delivered = reports.flatMap(({ results: [result] }, n) => {
        if (result?.outcome !== "delivered") return [];
        assert.equal(result.confirmation, `250 ${n}@b.test`);
        return [`${n}@b.test`];
      });
      assert.deepEqual(accepted.toSorted(), delivered.toSorted());
    }),
    { numRuns: 60 },
  );
});
