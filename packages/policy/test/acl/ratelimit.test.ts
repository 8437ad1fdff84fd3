import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import type { RateRequest, RateStore, SeenRequest } from "@postbus/rates";
import { readRateLimit } from "../../src/acl/conditions/rate-limit.ts";
import { ExpansionFailure } from "../../src/expansion/failures.ts";
import { contentOf, policySession, shown } from "./policy-session.ts";

/** Notes what it is asked; each answer is one more than the last for the same key. */
class NotingStore implements RateStore {
  readonly asked: (RateRequest | SeenRequest)[] = [];
  readonly #counts = new Map<string, number>();

  async rate(request: RateRequest): Promise<number> {
    this.asked.push(request);
    const count = (this.#counts.get(request.key) ?? 0) + (request.update === "readonly" ? 0 : request.count);
    this.#counts.set(request.key, count);
    return count;
  }

  async seen(request: SeenRequest): Promise<number | undefined> {
    this.asked.push(request);
    return 100;
  }
}

describe("reading a ratelimit", () => {
  const rows: readonly [text: string, wanted: object][] = [
    ["10 / 1h", { limit: 10, periodSeconds: 3600, measure: "per_mail", update: undefined, key: undefined }],
    ["1.5k/1m/PER_CMD/Strict", { limit: 1536, periodSeconds: 60, measure: "per_cmd", update: "strict" }],
    ["2M / 1d / per_byte / leaky / a / b", { limit: 2097152, measure: "per_byte", update: "leaky", key: "a/b" }],
    ["0 / 1s / readonly / count=3 / unique=x", { limit: 0, update: "readonly", count: 3, unique: "x" }],
    ["1 / 1s / noupdate / key", { update: "readonly", key: "key" }],
    ["1 / 1s / strict / noupdate / key", { update: "readonly", key: "key" }],
    ["1 / 1s / noupdate / leaky", { update: "readonly" }],
    ["1 / 1s / key / per_conn", { measure: "per_conn", key: "key" }],
    ["1 / 1s / a//b", { key: "a/b" }],
  ];
  for (const [text, wanted] of rows) test(text, () => assert.partialDeepStrictEqual(readRateLimit(text), wanted));

  for (const text of [
    "",
    "x / 1h",
    "-1 / 1h",
    "1",
    "1 / x",
    "1 / 0s",
    "1 / 60",
    "1/1h/leaky/strict",
    "1/1h/per_mail/per_cmd",
    "1/1h/count=x",
  ]) {
    test(`${JSON.stringify(text)} is none`, () => assert.throws(() => readRateLimit(text), ExpansionFailure));
  }
});

describe("ratelimit", () => {
  const setUp = (rcpt: string, more = "") => {
    const store = new NotingStore();
    const made = policySession(`acl_smtp_rcpt = r\n${more}\nbegin acl\nr:\n${rcpt}\n`, { hooks: { rates: store } });
    return { ...made, store };
  };

  test("counts each recipient once, however often the policy asks, and tells the rate", async () => {
    const { acls, store } = setUp(
      "  warn ratelimit = 9 / 1h / per_rcpt / strict / $sender_address\n  warn ratelimit = 5 / 1h / per_rcpt / strict / $sender_address\n" +
        "  deny ratelimit = 2 / 1h / per_rcpt / strict / $sender_address\n    message = $sender_rate of $sender_rate_limit in $sender_rate_period\n  accept",
    );
    await acls.mail({ returnPath: "a@b" });
    assert.equal(shown(await acls.recipient("x@y")), "accept");
    assert.equal(shown(await acls.recipient("z@y")), "550 2.0 of 2 in 1h");
    assert.deepEqual(
      store.asked.map((request) => request.key),
      ["1h/per_rcpt/a@b", "1h/per_rcpt/a@b"],
    );
  });

  const keys: readonly [text: string, wanted: object][] = [
    ["3 / 1h", { key: "1h/per_mail/192.0.2.1", count: 1, update: "leaky", limit: 3 }],
    ["3 / 60m / per_cmd / k", { key: "60m/per_cmd/k" }],
    ["3 / 1h / per_conn", { key: "1h/per_conn/192.0.2.1" }],
    ["3 / 1h / per_byte / k", { key: "1h/per_byte/k", count: 1234 }],
    ["3 / 1h / per_addr / k", { key: "1h/per_rcpt/unique/k", unique: "x@y" }],
    ["3 / 1h / per_rcpt / unique=$domain / k", { key: "1h/per_rcpt/unique/k", unique: "y" }],
    ["3 / 1h / per_rcpt / count=7 / k", { count: 7 }],
  ];
  for (const [text, wanted] of keys) {
    test(`${text} asks the store`, async () => {
      const { acls, store } = setUp(`  warn ratelimit = ${text}\n  accept`);
      await acls.mail({ returnPath: "a@b", size: 1234 });
      await acls.recipient("x@y");
      assert.partialDeepStrictEqual(store.asked[0], wanted);
    });
  }

  test("per_rcpt behind DATA counts all recipients, and per_mail once for the message", async () => {
    const { acls, store } = setUp(
      "  warn ratelimit = 3 / 1h / per_mail / k\n  accept",
      "acl_smtp_data = warn ratelimit = 3 / 1h / per_rcpt / k\nacl_smtp_predata = accept ratelimit = 0 / 1h / per_mail / k\n",
    );
    await acls.mail({ returnPath: "a@b" });
    await acls.recipient("x@y");
    await acls.recipient("z@y");
    await acls.predata();
    acls.content(contentOf("A: b\n"));
    await acls.data();
    assert.deepEqual(
      store.asked.map((request) => [request.key, "count" in request && request.count]),
      [
        ["1h/per_mail/k", 1],
        ["1h/per_rcpt/k", 2],
      ],
    );
  });

  // As exim 4.96 has it.
  const elsewhere: readonly [text: string, said: RegExp][] = [
    ["3 / 1h / per_mail / strict", /^451/],
    ["3 / 1h / per_byte / leaky", /^451/],
    ["3 / 1h / per_rcpt / strict", /^451/],
    ["3 / 1h / per_addr / strict", /^451/],
    ["3 / 1h / per_mail", /^accept/],
    // Not said, it is per_mail, too, and counts.
    ["3 / 1h / strict", /^accept/],
    ["3 / 1h / per_mail / readonly", /^accept/],
    ["3 / 1h / per_conn / strict", /^accept/],
    ["3 / 1h / per_cmd / strict", /^accept/],
  ];
  for (const [text, said] of elsewhere) {
    test(`${text} before a message: ${said.source.slice(1)}`, async () => {
      const made = policySession(`acl_smtp_connect = c\nbegin acl\nc:\n  warn ratelimit = ${text}\n  accept\n`, {
        hooks: { rates: new NotingStore() },
      });
      assert.match(shown(await made.acls.connect()), said);
    });
  }

  test("a store that cannot be asked defers", async () => {
    const rates = { rate: () => Promise.reject(new DeferError("rates", "gone")), seen: async () => undefined };
    const { acls } = policySession("acl_smtp_rcpt = accept ratelimit = 1 / 1h / per_rcpt\n", { hooks: { rates } });
    await acls.mail({ returnPath: "" });
    assert.match(shown(await acls.recipient("x@y")), /^451/);
    const none = policySession("acl_smtp_rcpt = accept ratelimit = 1 / 1h / per_rcpt\n");
    await none.acls.mail({ returnPath: "" });
    assert.match(shown(await none.acls.recipient("x@y")), /^451/);
  });
});

describe("seen", () => {
  // The store's record is 100 s old.
  const rows: readonly [text: string, said: RegExp, wanted?: object][] = [
    ["2m", /^accept/, { key: "192.0.2.1", update: "always" }],
    ["1m", /^550/, { update: "always" }],
    ["-1m", /^accept/, { update: "refresh", refreshSeconds: 864_000 }],
    ["-2m", /^550/, { update: "refresh" }],
    ["2m / key=a/b / readonly", /^accept/, { key: "a/b", update: "never" }],
    ["-1m / key=$sender_address / write", /^accept/, { key: "a@b", update: "always" }],
    ["-1m / refresh=1h", /^accept/, { refreshSeconds: 3_600 }],
    ["x", /^451/],
    ["1m / nonsense", /^451/],
    ["1m / refresh=x", /^451/],
  ];
  for (const [text, said, wanted] of rows) {
    test(text, async () => {
      const store = new NotingStore();
      const { acls } = policySession(`acl_smtp_rcpt = r\nbegin acl\nr:\n  accept seen = ${text}\n`, {
        hooks: { rates: store },
      });
      await acls.mail({ returnPath: "a@b" });
      assert.match(shown(await acls.recipient("x@y")), said);
      if (wanted !== undefined) assert.partialDeepStrictEqual(store.asked[0], wanted);
    });
  }
});
