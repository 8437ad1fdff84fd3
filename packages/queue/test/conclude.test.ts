import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "@postbus/bus";
import {
  type DeliveryItem,
  encodeBmiVerdict,
  MailEvent,
  type Recipient,
  RouteItem,
  splitItemId,
} from "@postbus/contracts";
import fc from "fast-check";
import { Value } from "typebox/value";
import type { AttemptResult } from "../src/attempt-result.ts";
import type { Attempted, ConcludeContext } from "../src/attempted.ts";
import { conclude } from "../src/conclude.ts";
import { DEFAULT_QUEUE_RULES } from "../src/queue-rules.ts";
import type { RetryStep } from "../src/retry-delay.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = 1_795_000_000_000;
const MESSAGE = "1vMhGf-0000000012a-0Ab3";
const rule: readonly RetryStep[] = [{ kind: "F", cutoffMs: 2 * HOUR, intervalMs: 15 * MINUTE }];
const content = {
  kind: "inline",
  octets: Buffer.from("Subject: hello\r\nMessage-ID: <1@a.test>\r\n\r\nhi\r\n"),
} as const;
const work = { id: `${MESSAGE}_0_1`, content, handedOut: 1 };

const context: ConcludeContext = {
  service: "delivery",
  nowMs: NOW,
  random: () => 0,
  primaryHostname: "mx.test",
  retryRule: () => rule,
};

const delivered: AttemptResult = { outcome: "delivered", host: "a.test", confirmation: "250 ok" };
const refused: AttemptResult = { outcome: "failed", host: "a.test", text: "error after RCPT: 550 5.1.1 unknown" };
const greylisted: AttemptResult = { outcome: "deferred", host: "a.test", errno: -44, text: "450 later" };
const hostDown: AttemptResult = { outcome: "deferred", host: "a.test", errno: 111, text: "Connection refused" };

function itemFor(recipients: readonly Recipient[], changes: Partial<DeliveryItem> = {}): DeliveryItem {
  return {
    v: 1,
    messageId: MESSAGE,
    returnPath: "ann@a.test",
    recipients: [...recipients],
    receivedAtMs: NOW - MINUTE,
    queuedAtMs: NOW - 1_000,
    attempt: 1,
    reception: { protocol: "esmtp", size: 100, headerMessageId: "1@a.test" },
    router: "smarthost",
    transport: "smarthost_smtp",
    domain: "b.test",
    ...changes,
  };
}

/** Attempts `results` for r0, r1, … of an item and folds the outcome to what a reader compares. */
async function outcomeOf(
  results: readonly AttemptResult[],
  changes: Partial<DeliveryItem> = {},
  history: Partial<Recipient> = {},
  others: Partial<ConcludeContext> & { handedOut?: number } = {},
): Promise<Outcome> {
  const item = itemFor(
    results.map((_, i) => ({ address: `r${i}@b.test`, ...history })),
    changes,
  );
  const attempted = item.recipients.map((recipient, i): Attempted => ({ recipient, result: results[i] ?? delivered }));
  const { handedOut = 1, ...rest } = others;
  return await conclude({ ...work, handedOut }, item, attempted, { ...context, ...rest });
}

const names = (outcome: Outcome) => (outcome.events ?? []).map(({ name }) => name);
const headers = (outcome: Outcome) => (outcome.publish ?? []).map(({ header }) => Value.Parse(RouteItem, header));

describe("delivered", () => {
  test("leaves no work, and completes the message if it was the last", async () => {
    const outcome = await outcomeOf([delivered]);
    assert.deepEqual(outcome.publish ?? [], []);
    assert.deepEqual(names(outcome), ["msg:delivery"]);
    assert.partialDeepStrictEqual(outcome.events?.[0], {
      id: `${MESSAGE}_0_1:msg:delivery:0`,
      recipient: "r0@b.test",
      router: "smarthost",
      transport: "smarthost_smtp",
      host: "a.test",
      confirmation: "250 ok",
    });
    assert.deepEqual(
      outcome.eventsIfComplete?.map(({ name }) => name),
      ["msg:complete"],
    );
  });

  test("the first of a transaction is `=>`, those behind it are further ones", async () => {
    const { events = [] } = await outcomeOf([delivered, refused, delivered]);
    const deliveries = events.filter((event) => event.name === "msg:delivery");
    assert.deepEqual(
      deliveries.map(({ recipient, further }) => [recipient, further]),
      [
        ["r0@b.test", undefined],
        ["r2@b.test", true],
      ],
    );
  });

  test("each transaction of an item begins with `=>`, in whatever order its recipients stand", async () => {
    const second = { ...delivered, transaction: 1 } as const;
    const { events = [] } = await outcomeOf([second, delivered, second, delivered]);
    assert.deepEqual(
      events.flatMap((event) => (event.name === "msg:delivery" ? [[event.recipient, event.further]] : [])),
      [
        ["r0@b.test", undefined],
        ["r1@b.test", undefined],
        ["r2@b.test", true],
        ["r3@b.test", true],
      ],
    );
  });

  test("handed out for the second time, it may be a duplicate", async () => {
    const once = await outcomeOf([delivered]);
    const twice = await outcomeOf([delivered], {}, {}, { handedOut: 2 });
    assert.ok(once.events?.every((event) => !("possibleDuplicate" in event)));
    assert.partialDeepStrictEqual(twice.events?.[0], { possibleDuplicate: true });
  });
});

describe("deferred", () => {
  test("goes back to router, not before its time, with what the next attempt must know", async () => {
    const outcome = await outcomeOf([hostDown]);
    assert.deepEqual(names(outcome), ["msg:defer"]);
    assert.partialDeepStrictEqual(outcome.events?.[0], { errno: 111, nextTryAtMs: NOW + 15 * MINUTE });
    const [publication] = outcome.publish ?? [];
    assert.partialDeepStrictEqual(publication, {
      subject: "mail.route.0",
      id: `${MESSAGE}_0_2`,
      messageId: MESSAGE,
      notBeforeMs: NOW + 15 * MINUTE,
    });
    assert.equal(publication?.content, content, "content by reference");
    const [header] = headers(outcome);
    assert.partialDeepStrictEqual(header, { attempt: 2, receivedAtMs: NOW - MINUTE, queuedAtMs: NOW });
    assert.deepEqual(header?.recipients, [
      {
        address: "r0@b.test",
        firstFailedAtMs: NOW,
        lastTriedAtMs: NOW,
        lastDelayMs: 15 * MINUTE,
        lastError: "Connection refused",
      },
    ]);
  });

  test("what the sender wants of reports goes along, also with what is frozen", async () => {
    const notification = { notify: ["FAILURE" as const] };
    const asked: Partial<DeliveryItem> = { notification: { envid: "QQ1" }, isLastHop: true };
    for (const [result, changes] of [
      [hostDown, asked],
      [refused, { ...asked, returnPath: "" }],
    ] as const) {
      const [header] = headers(await outcomeOf([result], changes, { notification }));
      assert.deepEqual(header?.notification, { envid: "QQ1" });
      assert.deepEqual(header?.recipients[0]?.notification, notification);
    }
  });

  test("everything that the message carries goes along", async () => {
    const carried = {
      eightBit: true,
      smtpUtf8: true as const,
      requireTls: true as const,
      tlsOptional: true as const,
      notification: { ret: "FULL" as const },
      facts: { spf: { result: "pass" as const, domain: "a.test" } },
      aclVariables: { acl_m_x: "1" },
      bmiVerdicts: [encodeBmiVerdict({ v: 1, r: ["r0@b.test"], d: "drop", f: [], e: 0 })],
    };
    const [header] = headers(await outcomeOf([hostDown], carried));
    assert.partialDeepStrictEqual(header, carried);
  });

  test("the time of the first failure is kept", async () => {
    const [header] = headers(await outcomeOf([hostDown], {}, { firstFailedAtMs: NOW - HOUR }));
    assert.equal(header?.recipients[0]?.firstFailedAtMs, NOW - HOUR);
  });

  test("recipients with the same next time travel together, others apart", async () => {
    const retryRule = (address: string): readonly RetryStep[] =>
      address === "r1@b.test" ? [{ kind: "F", cutoffMs: HOUR, intervalMs: 1_000 }] : rule;
    const outcome = await outcomeOf([hostDown, hostDown, hostDown, delivered], {}, {}, { retryRule });
    const groups = headers(outcome).map(({ recipients }) => recipients.map(({ address }) => address));
    assert.deepEqual(groups, [["r0@b.test", "r2@b.test"], ["r1@b.test"]]);
    assert.equal(new Set(outcome.publish?.map(({ id }) => id)).size, 2);
  });

  test("chance is drawn once for an outcome, so that what failed together stays together", async () => {
    let drawn = 0;
    const random = () => ++drawn / 10;
    const retryRule = (): readonly RetryStep[] => [{ kind: "H", cutoffMs: 9 * HOUR, intervalMs: 60, factor: 2 }];
    const outcome = await outcomeOf([hostDown, hostDown], {}, { lastDelayMs: HOUR }, { random, retryRule });
    assert.equal(outcome.publish?.length, 1);
    assert.equal(drawn, 1);
  });
});

describe("retry timeout", () => {
  const timedOut = ["msg:defer", "msg:fail:delivery", "msg:received"];
  const old = { receivedAtMs: NOW - 3 * HOUR };

  /** Exim: host errors count from the first failure, address errors from the message's arrival if that is earlier. */
  const cases = [
    {
      name: "a host that failed past the last cutoff",
      result: hostDown,
      history: { firstFailedAtMs: NOW - 3 * HOUR },
      changes: old,
      want: timedOut,
    },
    {
      name: "an old message whose host fails for the first time: it must come to its end, as from Exim",
      result: hostDown,
      history: {},
      changes: old,
      want: timedOut,
    },
    {
      name: "an old message whose address is deferred for the first time",
      result: greylisted,
      history: {},
      changes: old,
      want: timedOut,
    },
    { name: "a young message", result: greylisted, history: {}, changes: {}, want: ["msg:defer"] },
  ];
  for (const { name, result, history, changes, want } of cases) {
    test(name, async () => assert.deepEqual(names(await outcomeOf([result], changes, history)), want));
  }

  const hosts = { nextTryAtMs: NOW + HOUR, gapMs: HOUR, areAllSkipped: false, haveTimedOut: false };
  const ofHosts: { name: string; result: AttemptResult; want: readonly string[]; atMs?: number }[] = [
    {
      name: "hosts that may be tried again keep an old message waiting for them",
      result: { ...hostDown, isHostError: true, hosts },
      want: ["msg:defer"],
      atMs: NOW + HOUR,
    },
    {
      name: "hosts that have failed for too long end it",
      result: { ...hostDown, isHostError: true, hosts: { ...hosts, haveTimedOut: true } },
      want: timedOut,
    },
    {
      name: "hosts that were not tried never end it",
      result: { outcome: "deferred", errno: -54, text: "not yet", hosts: { ...hosts, areAllSkipped: true } },
      want: ["msg:defer"],
      atMs: NOW + HOUR,
    },
    {
      name: "an error of the address does not end it while a host was skipped",
      result: { ...greylisted, hosts },
      want: ["msg:defer"],
    },
  ];
  for (const { name, result, want, atMs } of ofHosts) {
    test(name, async () => {
      const outcome = await outcomeOf([result], old);
      assert.deepEqual(names(outcome), want);
      if (atMs !== undefined) assert.equal(outcome.publish?.[0]?.notBeforeMs, atMs);
    });
  }

  test("what waits for a host comes back over half of its interval, not at once", async () => {
    const skipped = { ...hosts, areAllSkipped: true };
    const result: AttemptResult = { outcome: "deferred", errno: -54, text: "not yet", hosts: skipped };
    const history = { firstFailedAtMs: NOW - HOUR, lastTriedAtMs: NOW - HOUR, lastDelayMs: MINUTE, lastError: "down" };
    const outcome = await outcomeOf([result], {}, history, { random: () => 0.5 });
    assert.equal(outcome.publish?.[0]?.notBeforeMs, NOW + HOUR + HOUR / 4);
    assert.partialDeepStrictEqual(headers(outcome)[0]?.recipients[0], history, "that was no attempt");
  });

  test("what is suspended says so until it is put off for another reason", async () => {
    const skipped = { ...hosts, areAllSkipped: true };
    const result: AttemptResult = {
      outcome: "deferred",
      errno: -23,
      text: "held",
      suspended: "b.test",
      hosts: skipped,
    };
    const [held] = headers(await outcomeOf([result], {}, { lastError: "down" }));
    assert.partialDeepStrictEqual(held?.recipients[0], { lastError: "down", suspended: "b.test" });
    const { suspended: _, ...other } = result;
    for (const next of [other, hostDown]) {
      const [header] = headers(await outcomeOf([next], {}, { suspended: "b.test" }));
      assert.equal(header?.recipients[0]?.suspended, undefined);
    }
  });

  test("retry_jitter adds up to so many hundredths of the delay", async () => {
    const rules = { ...DEFAULT_QUEUE_RULES, retryJitterPercent: 20 };
    const outcome = await outcomeOf([hostDown], {}, {}, { random: () => 0.5, rules });
    assert.equal(outcome.publish?.[0]?.notBeforeMs, NOW + 16.5 * MINUTE);
  });

  test("the recipient fails with the last error and the reason", async () => {
    const { events = [] } = await outcomeOf([greylisted], old);
    const failed = events.find((event) => event.name === "msg:fail:delivery");
    assert.equal(failed?.text, "450 later: retry timeout exceeded");
  });

  test("without a rule the first deferral is final", async () => {
    assert.deepEqual(names(await outcomeOf([hostDown], {}, {}, { retryRule: () => [] })), timedOut);
  });
});

describe("failed", () => {
  test("makes one bounce to the return path for all that failed", async () => {
    const outcome = await outcomeOf([refused, delivered, refused]);
    assert.deepEqual(names(outcome), ["msg:delivery", "msg:fail:delivery", "msg:fail:delivery", "msg:received"]);
    const [bounce, ...others] = outcome.publish ?? [];
    assert.deepEqual(others, []);
    const header = Value.Parse(RouteItem, bounce?.header);
    assert.notEqual(bounce?.messageId, MESSAGE);
    assert.equal(bounce?.id, `${bounce?.messageId}_0_0`);
    assert.partialDeepStrictEqual(header, {
      messageId: bounce?.messageId,
      returnPath: "",
      recipients: [{ address: "ann@a.test" }],
      attempt: 1,
      reception: { protocol: "local", about: MESSAGE },
    });
    assert.equal(bounce?.content.kind, "inline");
    const text = bounce?.content.kind === "inline" ? bounce.content.octets.toString("latin1") : "";
    assert.match(text, /^X-Failed-Recipients: r0@b\.test, r2@b\.test\r$/m);
    assert.match(text, /^In-Reply-To: <1@a\.test>\r$/m);
    const received = outcome.events?.at(-1);
    assert.partialDeepStrictEqual(received, { messageId: bounce?.messageId, recipients: ["ann@a.test"] });
    assert.equal(header.reception.size, text.length);
  });

  test("is not told to a sender who does not want to hear of failures (RFC 3461 section 4.1)", async () => {
    const asked = (...notify: ("NEVER" | "SUCCESS" | "FAILURE" | "DELAY")[]) => ({ notification: { notify } });
    for (const returnPath of ["ann@a.test", ""]) {
      for (const notification of [asked("NEVER"), asked("SUCCESS", "DELAY")]) {
        const outcome = await outcomeOf([refused], { returnPath }, notification);
        assert.deepEqual(names(outcome), ["msg:fail:delivery", "msg:note"]);
        assert.partialDeepStrictEqual(outcome.events?.[1], {
          text: "r0@b.test: error ignored: RFC 3461 DSN, failure notify not requested",
        });
        assert.deepEqual(outcome.publish, []);
        assert.deepEqual(
          outcome.eventsIfComplete?.map(({ name }) => name),
          ["msg:complete"],
        );
      }
    }
    const told = await outcomeOf([refused], {}, asked("SUCCESS", "FAILURE"));
    assert.deepEqual(names(told), ["msg:fail:delivery", "msg:received"]);
  });

  test("of several recipients, each as the sender wants it", async () => {
    const item = itemFor([
      { address: "a@b.test", notification: { notify: ["FAILURE"] } },
      { address: "b@b.test", notification: { notify: ["NEVER"] } },
      { address: "c@b.test" },
    ]);
    const attempted = item.recipients.map((recipient): Attempted => ({ recipient, result: refused }));
    const { publish = [] } = await conclude(work, item, attempted, context);
    const [bounce, ...others] = publish.map(({ content: { kind, ...rest } }) =>
      "octets" in rest ? rest.octets.toString("latin1") : kind,
    );
    assert.deepEqual(others, []);
    assert.match(bounce ?? "", /^X-Failed-Recipients: a@b\.test, c@b\.test\r$/m);
  });

  test("of a message with a null return path is frozen, and nobody is written to", async () => {
    const outcome = await outcomeOf([refused, hostDown], { returnPath: "" });
    assert.deepEqual(names(outcome), ["msg:defer", "msg:fail:delivery", "msg:frozen"]);
    const [retry, frozen, ...others] = outcome.publish ?? [];
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(retry, { notBeforeMs: NOW + 15 * MINUTE });
    assert.partialDeepStrictEqual(frozen, { frozen: "delivery error message", messageId: MESSAGE });
    assert.equal(headers(outcome)[1]?.recipients[0]?.address, "r0@b.test");
  });

  test("words of a local delivery stay at home", async () => {
    const local: AttemptResult = { outcome: "failed", text: "cannot write /var/mail/x" };
    const [bounce] = (await outcomeOf([local])).publish ?? [];
    assert.ok(bounce?.content.kind === "inline" && !bounce.content.octets.includes("/var/mail"));
  });

  test("more than fifty make several bounces, so that each stays small", async () => {
    const outcome = await outcomeOf(Array.from({ length: 120 }, () => refused));
    assert.equal(outcome.publish?.length, 3);
    assert.equal(new Set(outcome.publish?.map(({ id }) => id)).size, 3);
  });
});

describe("a bounce of a message with REQUIRETLS (RFC 8689 section 5)", () => {
  const lacking: AttemptResult = {
    ...{ outcome: "failed", host: "a.test", hostAddress: "192.0.2.1", text: "REQUIRETLS support is required" },
    ownReply: "550 5.7.30 REQUIRETLS support required",
  };

  test("has the tag, the header section only, and our own reply", async () => {
    const notification = { ret: "FULL" as const };
    const outcome = await outcomeOf([lacking], { requireTls: true, notification });
    const [bounce] = outcome.publish ?? [];
    assert.equal(headers(outcome)[0]?.requireTls, true);
    const text = bounce?.content.kind === "inline" ? bounce.content.octets.toString("latin1") : "";
    assert.match(text, /\r\nContent-Type: text\/rfc822-headers\r\n/);
    assert.ok(text.includes("Subject: hello") && !text.includes("\r\nhi\r\n"));
    assert.match(text, /\r\nStatus: 5\.7\.30\r\n/);
    assert.match(text, /\r\nDiagnostic-Code: X-Postbus; 550 5\.7\.30 REQUIRETLS support required\r\n/);
  });

  test("other bounces have none of it", async () => {
    const outcome = await outcomeOf([refused]);
    assert.equal(headers(outcome)[0]?.requireTls, undefined);
    const [bounce] = outcome.publish ?? [];
    assert.ok(bounce?.content.kind === "inline" && bounce.content.octets.includes("\r\nhi\r\n"));
  });

  test("that cannot be sent itself is kept for an operator", async () => {
    const outcome = await outcomeOf([lacking], { requireTls: true, returnPath: "" });
    assert.partialDeepStrictEqual(outcome.publish, [{ frozen: "delivery error message" }]);
    assert.equal(headers(outcome)[0]?.requireTls, true);
  });
});

describe("large content", () => {
  const spooled = { kind: "spooled", id: MESSAGE, size: 9_000_000, sha256: "0".repeat(64) } as const;
  const item = itemFor([{ address: "r0@b.test" }]);
  const attempted = item.recipients.map((recipient) => ({ recipient, result: refused }));

  test("only its header section is read for the bounce, and quoted", async () => {
    let parts = 0;
    async function* readSpooled() {
      for (const text of ["Subject: big\r\n\r\n", ..."x".repeat(200)]) {
        parts++;
        yield Buffer.from(text.padEnd(64 * 1024, "y"));
      }
    }
    const outcome = await conclude({ ...work, content: spooled }, item, attempted, { ...context, readSpooled });
    assert.equal(parts, 1);
    const [bounce] = outcome.publish ?? [];
    assert.ok(bounce?.content.kind === "inline");
    assert.match(bounce.content.octets.toString("latin1"), /text\/rfc822-headers[\s\S]*Subject: big/);
  });

  test("that cannot be read does not keep the sender from being told", async () => {
    // biome-ignore lint/correctness/useYield: it fails before there is anything to give
    async function* readSpooled(): AsyncGenerator<Buffer> {
      throw new Error("spool: gone");
    }
    const outcome = await conclude({ ...work, content: spooled }, item, attempted, { ...context, readSpooled });
    assert.equal(outcome.publish?.length, 1);
    const note = outcome.events?.find((event) => event.name === "msg:note");
    assert.equal(note?.text, "the message could not be read for its report: spool: gone");
  });
});

const anyResult = fc.constantFrom(delivered, refused, greylisted, hostDown);

test("every recipient is delivered, carried on, or told about: nobody is lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyResult, { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 5 }),
      async (results, hasReturnPath, hours) => {
        const outcome = await outcomeOf(
          results,
          { returnPath: hasReturnPath ? "ann@a.test" : "", receivedAtMs: NOW - hours * HOUR },
          hours > 0 ? { firstFailedAtMs: NOW - hours * HOUR } : {},
        );
        for (const event of [...(outcome.events ?? []), ...(outcome.eventsIfComplete ?? [])]) {
          Value.Assert(MailEvent, event);
        }
        const ends = new Set<string>();
        for (const event of outcome.events ?? []) if (event.name === "msg:delivery") ends.add(event.recipient);
        for (const publication of outcome.publish ?? []) {
          const header = Value.Parse(RouteItem, publication.header);
          assert.equal(splitItemId(publication.id).messageId, publication.messageId);
          if (publication.messageId === MESSAGE) for (const { address } of header.recipients) ends.add(address);
          else if (publication.content.kind === "inline") {
            const text = publication.content.octets.toString("latin1");
            for (const [, address = ""] of text.matchAll(/^Final-Recipient: rfc822;(.*)\r$/gm)) ends.add(address);
          }
        }
        assert.deepEqual([...ends].sort(), results.map((_, i) => `r${i}@b.test`).sort());
      },
    ),
  );
});

test("handled again, it gives the same, so that the bus can drop the repetition", async () => {
  const results = [delivered, refused, hostDown, greylisted];
  assert.deepEqual(await outcomeOf(results), await outcomeOf(results));
});

test("handled again with other results, no id stands for recipients that the first run knew nothing of", async () => {
  const recipientsById = (outcome: Outcome) =>
    new Map(
      (outcome.publish ?? [])
        .filter(({ messageId }) => messageId === MESSAGE)
        .map(({ id, header }) => [id, Value.Parse(RouteItem, header).recipients.map(({ address }) => address)]),
    );
  const results = fc.array(anyResult, { minLength: 4, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(results, results, async (first, second) => {
      const before = recipientsById(await outcomeOf(first));
      for (const [id, recipients] of recipientsById(await outcomeOf(second))) {
        if (before.has(id)) assert.deepEqual(recipients, before.get(id));
      }
    }),
  );
});

describe("a deferral that freezes", () => {
  test("freezes all that is left of the item, with Exim's line", async () => {
    const frozen: AttemptResult = {
      outcome: "deferred",
      errno: -1,
      text: "remote host address is the local host",
      isFrozen: true,
    };
    const outcome = await outcomeOf([hostDown, refused, frozen]);
    const [left] = outcome.publish ?? [];
    assert.equal(left?.frozen, "remote host address is the local host");
    assert.equal(left?.notBeforeMs, undefined);
    const [header] = headers(outcome);
    assert.deepEqual(
      header?.recipients.map(({ address }) => address),
      ["r0@b.test", "r2@b.test"],
    );
    assert.equal(header?.frozenAtMs, NOW);
    assert.partialDeepStrictEqual(
      outcome.events?.filter(({ name }) => name === "msg:frozen"),
      [{ reason: "" }],
    );
  });

  test("is told to whom freeze_tell names, once however often it is handled; of a report nobody is told", async () => {
    const frozen: AttemptResult = { outcome: "deferred", errno: -1, text: "self", isFrozen: true };
    const rules = { ...DEFAULT_QUEUE_RULES, freezeTell: ["root@tell.test"] };
    const told = async (returnPath: string) => {
      const { publish = [] } = await outcomeOf([frozen], { returnPath }, {}, { rules });
      return publish.filter(({ header }) => Value.Parse(RouteItem, header).recipients[0]?.address === "root@tell.test");
    };
    const [notice, ...more] = await told("ann@a.test");
    assert.deepEqual(more, []);
    assert.equal(notice?.id, (await told("ann@a.test"))[0]?.id);
    assert.ok(notice?.content.kind === "inline");
    assert.match(
      notice.content.octets.toString("latin1"),
      new RegExp(
        `\r\nSubject: Message frozen\r\n[^]*\r\n\r\nMessage ${MESSAGE} has been frozen\\.\r\nThe sender is <ann@a\\.test>\\.\r\n[^]* {2}r0@b\\.test: self\r\n$`,
      ),
    );
    assert.deepEqual(await told(""), []);
  });

  test("does so whatever the message's age", async () => {
    const frozen: AttemptResult = { outcome: "deferred", errno: -1, text: "self", isFrozen: true };
    const outcome = await outcomeOf([frozen], { receivedAtMs: NOW - 300 * HOUR });
    assert.deepEqual(names(outcome), ["msg:defer", "msg:frozen"]);
  });
});

describe("a report that cannot be delivered is forgotten", () => {
  const rules = { ...DEFAULT_QUEUE_RULES, ignoreBounceErrorsAfterMs: HOUR };
  const cases = [
    { name: "not before ignore_bounce_errors_after", changes: {}, want: ["msg:fail:delivery", "msg:frozen"] },
    {
      name: "behind it",
      changes: { receivedAtMs: NOW - HOUR },
      want: ["msg:fail:delivery", "msg:note"],
    },
    { name: "when it was given up", changes: { cancelled: "x" }, want: ["msg:fail:delivery", "msg:note"] },
  ];
  for (const { name, changes, want } of cases) {
    test(name, async () => {
      const outcome = await outcomeOf([refused], { returnPath: "", ...changes }, {}, { rules });
      assert.deepEqual(names(outcome), want);
      if (want.includes("msg:note")) {
        assert.partialDeepStrictEqual(outcome.events?.at(-1), { text: "r0@b.test: error ignored" });
        assert.deepEqual(outcome.publish, []);
      }
    });
  }
});
