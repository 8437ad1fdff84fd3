import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { MailEvent } from "@postbus/contracts";
import { type PostgresServer, postgresIsMissing, startPostgres } from "@postbus/testkit";
import {
  type History,
  HistoryUnavailableError,
  openHistory,
  ReaderReplacedError,
  readDmarcResult,
} from "../src/index.ts";
import {
  completed,
  decided,
  deferred,
  delivered,
  dmarcChecked,
  failed,
  frozen,
  idAt,
  noted,
  received,
  rejected,
  T0,
} from "./sample-events.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Both drivers keep the same promises. */
function promises(open: () => Promise<{ readonly history: History; readonly again: () => Promise<History> }>): void {
  let history: History;
  let again: () => Promise<History>;
  const store = async (events: readonly MailEvent[], name = "logger", position = "1"): Promise<void> => {
    await (await history.openReader(name)).append(events, { position, note: "" });
  };

  before(async () => {
    ({ history, again } = await open());
  });
  after(() => history.close());

  test("a new reader has no place yet; its successor goes on where it stopped", async () => {
    const reader = await history.openReader("fresh");
    assert.equal(reader.resume, undefined);
    await reader.append([], { note: "opened a file" });
    assert.deepEqual((await history.openReader("fresh")).resume, { note: "opened a file" });
    const second = await history.openReader("fresh");
    await second.append([received(idAt(T0))], { position: "7", note: "n7" });
    await second.append([], { note: "n8" });
    assert.deepEqual((await history.openReader("fresh")).resume, { position: "7", note: "n8" });
  });

  test("a reader that was replaced stores nothing more, neither place nor events", async () => {
    const old = await history.openReader("one");
    const successor = await history.openReader("one");
    const id = idAt(T0);
    await assert.rejects(old.append([received(id)], { position: "9", note: "" }), ReaderReplacedError);
    assert.equal(await history.message(id), undefined);
    await successor.append([received(id)], { position: "9", note: "" });
    assert.equal((await history.message(id))?.id, id);
  });

  test("results of DMARC: equal ones are counted, each message once, and nobody's who wants none", async () => {
    const check = (n: number, clientAddress: string, isReported = true) =>
      dmarcChecked(`d${n}`, T0 + n, clientAddress, isReported);
    await store(
      [check(1, "192.0.2.1"), check(2, "192.0.2.1"), check(3, "192.0.2.2"), check(4, "192.0.2.9", false)],
      "dmarc",
      "1",
    );
    await store([check(1, "192.0.2.1")], "another reader", "1");
    const day = Math.floor(T0 / DAY_MS);
    assert.equal(await history.nextDmarcDomain(day, ""), "b.example");
    assert.equal(await history.nextDmarcDomain(day, "b.example"), undefined);
    assert.equal(await history.nextDmarcDomain(day + 1, ""), undefined);
    const { results, messages } = await history.dmarcResults(day, "b.example", 10);
    assert.equal(messages, 3);
    assert.deepEqual(
      results.map(({ body, count, atMs }) => [readDmarcResult(body).clientAddress, count, atMs]),
      [
        ["192.0.2.1", 2, T0 + 2],
        ["192.0.2.2", 1, T0 + 3],
      ],
    );
    const few = await history.dmarcResults(day, "b.example", 1);
    assert.deepEqual([few.results.length, few.messages], [1, 3]);
  });

  test("a report of a day is claimed by one at a time, and made once", async () => {
    const claim = (owner: string, nowMs: number) =>
      history.claimDmarcReport({ day: 7, domain: "b.example", owner, nowMs, untilMs: nowMs + 100 });
    const claims = await Promise.all(["one", "two", "three"].map((owner) => claim(owner, 1_000)));
    assert.deepEqual(
      claims.filter((attempts) => attempts !== undefined),
      [1],
    );
    assert.equal(await claim("four", 1_050), undefined, "somebody is at it");
    assert.equal(await claim("four", 1_101), 2, "who had it has died");
    await history.endDmarcReport({ day: 7, domain: "b.example", owner: "one" });
    assert.equal(await claim("five", 2_000), 3, "who has lost it does not end it");
    await history.endDmarcReport({ day: 7, domain: "b.example", owner: "five" });
    assert.equal(await claim("six", 9_000_000), undefined, "it is done");
  });

  test("results of DMARC are forgotten day by day", async () => {
    const day = Math.floor(T0 / DAY_MS);
    assert.equal(await history.pruneDmarcResults(day), false);
    assert.equal((await history.dmarcResults(day, "b.example", 10)).results.length, 2);
    assert.equal(await history.pruneDmarcResults(day + 1), false);
    assert.deepEqual(await history.dmarcResults(day, "b.example", 10), { results: [], messages: 0 });
    assert.equal(await history.nextDmarcDomain(day, ""), undefined);
  });

  test("a domain whose day is reported is not among those that are to be", async () => {
    await store([dmarcChecked("r1", T0 + 1, "192.0.2.1", true)], "dmarc", "2");
    const day = Math.floor(T0 / DAY_MS);
    assert.equal(await history.nextDmarcDomain(day, ""), "b.example");
    const claim = { day, domain: "b.example", owner: "one", nowMs: 1, untilMs: 2 };
    await history.claimDmarcReport(claim);
    assert.equal(await history.nextDmarcDomain(day, ""), "b.example");
    await history.endDmarcReport(claim);
    assert.equal(await history.nextDmarcDomain(day, ""), undefined);
    await history.pruneDmarcResults(day + 1);
  });

  test("results of DMARC that take too much room go: those of the oldest day, and it is known how many", async () => {
    const day = Math.floor(T0 / DAY_MS);
    const on = (prefix: string, count: number, atMs: number) =>
      Array.from({ length: count }, (_, n) => dmarcChecked(`${prefix}${n}`, atMs + n, "192.0.2.1", true));
    await store([...on("l", 6, T0), ...on("m", 3, T0 + DAY_MS)], "dmarc", "3");
    assert.equal(await history.limitDmarcResults(1_000_000), undefined);
    const dropped = { day, domain: "b.example", messages: 6 };
    assert.deepEqual(await history.limitDmarcResults(1_000), dropped);
    // They count all the same, as messages that are in no report.
    assert.deepEqual(await history.dmarcResults(day, "b.example", 10), { results: [], messages: 6 });
    await store(on("late", 1, T0 + 50), "dmarc", "4");
    assert.equal((await history.dmarcResults(day, "b.example", 10)).messages, 7);
    assert.deepEqual(await history.limitDmarcResults(0), { ...dropped, messages: 1 });
    assert.deepEqual(await history.limitDmarcResults(0), { day: day + 1, domain: "b.example", messages: 3 });
    assert.equal(await history.limitDmarcResults(0), undefined);
    await history.pruneDmarcResults(day + 2);
  });

  test("a message shows its events in the order in which they were recorded, as they were", async () => {
    const id = idAt(T0);
    const events = [received(id), deferred(id), delivered(id, "rcpt@example.net", T0 + 5_000), completed(id)];
    await store(events.slice(0, 2));
    await store(events.slice(2));
    const message = await history.message(id);
    assert.deepEqual(message?.events, events);
    assert.equal(message?.isCut, false);
    assert.equal(message?.state, "delivered");
    assert.deepEqual(message?.recipientStates, [
      {
        address: "rcpt@example.net",
        state: "delivered",
        atMs: T0 + 5_000,
        text: "250 2.0.0 Ok",
        host: "mx.example.net",
      },
    ]);
  });

  test("each recipient has a state of its own", async () => {
    const id = idAt(T0);
    const recipients = ["a@example.net", "b@example.net", "c@example.net", "d@example.net"];
    await store([
      received(id, { recipients }),
      delivered(id, "a@example.net"),
      deferred(id, "b@example.net"),
      failed(id, "c@example.net"),
    ]);
    const states = (await history.message(id))?.recipientStates.map(({ address, state }) => `${address} ${state}`);
    assert.deepEqual(states, [
      "a@example.net delivered",
      "b@example.net deferred",
      "c@example.net failed",
      "d@example.net queued",
    ]);
  });

  test("events that come again, also to another reader, are kept and counted once", async () => {
    const atMs = T0 + 30 * DAY_MS;
    const id = idAt(atMs);
    const events = [received(id, { atMs }), delivered(id, "rcpt@example.net", atMs), rejected("twice", atMs)];
    await store(events);
    await store([...events, completed(id, atMs)], "other");
    await store(events);
    assert.deepEqual(
      (await history.message(id))?.events.map((event) => event.name),
      ["msg:received", "msg:delivery", "msg:complete"],
    );
    const [rate] = (await history.rates(atMs)).filter(({ minuteMs }) => minuteMs === atMs);
    assert.deepEqual(rate, { minuteMs: atMs, received: 1, delivered: 1, deferred: 0, failed: 0, rejected: 1 });
  });

  test("a message whose arrival comes late is complete in the end", async () => {
    const id = idAt(T0);
    await store([delivered(id), completed(id)]);
    assert.deepEqual(await summary(id), { state: "delivered", returnPath: undefined, recipients: [] });
    await store([received(id)]);
    assert.deepEqual(await summary(id), {
      state: "delivered",
      returnPath: "sender@example.org",
      recipients: ["rcpt@example.net"],
    });
  });

  async function summary(id: string): Promise<unknown> {
    const message = await history.message(id);
    return { state: message?.state, returnPath: message?.returnPath, recipients: message?.recipients };
  }

  test("pages go from the newest message to the oldest, none twice", async () => {
    const base = T0 + 40 * DAY_MS;
    const ids = Array.from({ length: 7 }, (_, i) => idAt(base + i * 1_000));
    await store(ids.map((id, i) => received(id, { atMs: base + i * 1_000 })));
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page = await history.messages({ sinceMs: base, limit: 3, ...(next === undefined ? {} : { after: next }) });
      seen.push(...page.messages.map((message) => message.id));
      next = page.next;
    } while (next !== undefined);
    assert.deepEqual(seen, ids.toReversed());
  });

  describe("filters", () => {
    const base = T0 + 50 * DAY_MS;
    const ids = new Map<string, string>();
    before(async () => {
      const samples: Record<string, (id: string, atMs: number) => readonly MailEvent[]> = {
        queued: (id, atMs) => [received(id, { atMs, returnPath: "Ann@Example.COM" })],
        deferred: (id, atMs) => [received(id, { atMs, recipients: ["x@a.test", "Bob@B.test"] }), deferred(id)],
        frozen: (id, atMs) => [received(id, { atMs, returnPath: "" }), frozen(id)],
        delivered: (id, atMs) => [
          received(id, { atMs, returnPath: "m\u00c3\u00bcller@example.de" }),
          delivered(id),
          completed(id),
        ],
        failed: (id, atMs) => [received(id, { atMs }), failed(id), completed(id)],
        removed: (id, atMs) => [received(id, { atMs }), noted(id, "removed by operator"), completed(id)],
        refused: (id, atMs) => [decided(id, "refused", atMs)],
        discarded: (id, atMs) => [decided(id, "discarded", atMs)],
      };
      let atMs = base;
      for (const [state, events] of Object.entries(samples)) {
        const id = idAt(atMs);
        ids.set(state, id);
        await store(events(id, atMs));
        atMs += 1_000;
      }
    });

    for (const state of [
      "queued",
      "deferred",
      "frozen",
      "delivered",
      "failed",
      "removed",
      "refused",
      "discarded",
    ] as const) {
      test(`state ${state}`, async () => {
        const { messages } = await history.messages({ state, sinceMs: base, limit: 10 });
        assert.deepEqual(
          messages.map(({ id }) => id),
          [ids.get(state)],
        );
      });
    }
    const rows = [
      { filter: { sender: "ann@example.com" }, want: "queued" },
      { filter: { sender: "MÜLLER".replace("Ü", "ü") }, want: "delivered" },
      { filter: { recipient: "bob@b" }, want: "deferred" },
      { filter: { sinceMs: base + 5_000, recipient: "rcpt@", sender: "sender@" }, want: "removed" },
      { filter: { sender: "nobody@" }, want: "discarded" },
      { filter: { sender: "nobody@", state: "refused" as const }, want: "refused" },
      { filter: { sender: "100%' OR 1=1 --" }, want: undefined },
      { filter: { recipient: "%" }, want: undefined },
    ];
    for (const { filter, want } of rows) {
      test(JSON.stringify(filter), async () => {
        const { messages } = await history.messages({ sinceMs: base, limit: 10, ...filter });
        assert.deepEqual(
          messages.map(({ id }) => id),
          want === undefined ? [] : [ids.get(want)],
        );
      });
    }
    test("octets that are UTF-8 are shown as text", async () => {
      const message = await history.message(ids.get("delivered") ?? "");
      assert.equal(message?.returnPath, "müller@example.de");
      assert.partialDeepStrictEqual(message?.events[0], { returnPath: "müller@example.de" });
    });
  });

  test("a message that was refused is found by its id, with whom it was for and why; it counts nowhere", async () => {
    const atMs = T0 + 55 * DAY_MS;
    const id = idAt(atMs);
    await store([decided(id, "refused", atMs)]);
    const message = await history.message(id);
    assert.partialDeepStrictEqual(message, {
      state: "refused",
      receivedAtMs: atMs,
      returnPath: "nobody@example.com",
      clientAddress: "192.0.2.66",
      recipientStates: [{ address: "rcpt@example.net", state: "refused" }],
      events: [decided(id, "refused", atMs)],
    });
    for (const { minuteMs, ...counts } of await history.rates(atMs)) {
      if (minuteMs === atMs) assert.deepEqual(new Set(Object.values(counts)), new Set([0]));
    }
  });

  test("refusals are listed newest first", async () => {
    const base = T0 + 60 * DAY_MS;
    await store([1, 2, 3].map((i) => rejected(`r ${i}`, base + i)));
    const first = await history.rejects({ limit: 2 });
    assert.deepEqual(first.rejects, [rejected("r 3", base + 3), rejected("r 2", base + 2)]);
    assert.ok(first.next !== undefined);
    const second = await history.rejects({ limit: 1, before: first.next });
    assert.deepEqual(second.rejects, [rejected("r 1", base + 1)]);
  });

  test("rates are counted per minute, by what happened", async () => {
    const base = T0 + 70 * DAY_MS;
    const [a, b] = [idAt(base), idAt(base)];
    await store([
      received(a, { atMs: base }),
      received(b, { atMs: base + 59_999 }),
      delivered(a, "x@example.net", base + MINUTE_MS),
      deferred(b, "y@example.net", base + MINUTE_MS),
      failed(b, "y@example.net", base + 2 * MINUTE_MS),
    ]);
    const none = { received: 0, delivered: 0, deferred: 0, failed: 0, rejected: 0 };
    assert.deepEqual(await history.rates(base), [
      { ...none, minuteMs: base, received: 2 },
      { ...none, minuteMs: base + MINUTE_MS, delivered: 1, deferred: 1 },
      { ...none, minuteMs: base + 2 * MINUTE_MS, failed: 1 },
    ]);
  });

  test("what is older than asked for is forgotten, in bounded steps, and nothing else", async () => {
    const base = T0 - 100 * DAY_MS;
    const old = Array.from({ length: 600 }, (_, i) => idAt(base + i * 1_000));
    const kept = idAt(base + 10 * DAY_MS);
    await store([
      ...old.flatMap((id) => [received(id, { atMs: base }), completed(id, base)]),
      received(kept, { atMs: base + 10 * DAY_MS }),
      rejected("old", base),
    ]);
    const beforeMs = base + 5 * DAY_MS;
    assert.equal(await history.prune({ beforeMs }), true, "the first step leaves something");
    while (await history.prune({ beforeMs }));
    assert.equal(await history.message(old.at(0) ?? ""), undefined);
    assert.equal(await history.message(old.at(-1) ?? ""), undefined);
    assert.equal((await history.message(kept))?.events.length, 1);
    assert.deepEqual(
      (await history.rates(0)).filter(({ minuteMs }) => minuteMs < beforeMs),
      [],
    );
  });

  test("two can open an empty history at once, and each sees what the other stores", async () => {
    const other = await again();
    try {
      const [reader] = await Promise.all([other.openReader("second process"), history.rates(0)]);
      const id = idAt(T0);
      await reader.append([received(id)], { position: "1", note: "" });
      assert.equal((await history.message(id))?.id, id);
    } finally {
      await other.close();
    }
  });
}

describe("SQLite", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "postbus-history-"));
  });
  after(() => rm(directory, { recursive: true }));

  promises(async () => {
    const location = { directory: join(directory, "made", "if", "missing") };
    return { history: await openHistory(location), again: () => openHistory(location) };
  });

  test("ten starters make the tables once", async () => {
    const location = { directory: join(directory, "race") };
    const all = await Promise.all(Array.from({ length: 10 }, () => openHistory(location)));
    const answers = await Promise.all(all.map((history) => history.rates(0)));
    assert.deepEqual(answers, Array(10).fill([]));
    await Promise.all(all.map((history) => history.close()));
  });

  test("a file that is no database is reported as unavailable, and so is a directory that cannot be made", async () => {
    const { writeFile, mkdir } = await import("node:fs/promises");
    await mkdir(join(directory, "broken"));
    await writeFile(
      join(directory, "broken", "history.sqlite"),
      "this is not a database, it is a text of some length".repeat(100),
    );
    for (const location of [join(directory, "broken"), join(directory, "broken", "history.sqlite", "below")]) {
      const history = await openHistory({ directory: location });
      await assert.rejects(history.openReader("logger"), HistoryUnavailableError);
      await history.close();
    }
  });

  test("above its bound of octets the oldest messages go first", async () => {
    const history = await openHistory({ directory: join(directory, "bounded") });
    const reader = await history.openReader("logger");
    const ids = Array.from({ length: 1_200 }, (_, i) => idAt(T0 + i * 1_000));
    await reader.append(
      ids.map((id) => received(id)),
      { position: "1", note: "" },
    );
    assert.equal(await history.prune({ beforeMs: 0, maxOctets: 1e12 }), false);
    assert.equal(await history.message(ids.at(0) ?? "").then((found) => found?.id), ids[0]);
    await history.prune({ beforeMs: 0, maxOctets: 100_000 });
    assert.equal(await history.message(ids.at(0) ?? ""), undefined);
    assert.equal((await history.message(ids.at(-1) ?? ""))?.id, ids.at(-1));
    await history.close();
  });

  test("it can be used again after being closed", async () => {
    const history = await openHistory({ directory: join(directory, "reopened") });
    const id = idAt(T0);
    await (await history.openReader("logger")).append([received(id)], { position: "1", note: "" });
    await history.close();
    assert.equal((await history.message(id))?.id, id);
    await history.close();
  });
});

const noPostgres = (await postgresIsMissing()) ?? false;

describe("PostgreSQL", { skip: noPostgres }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server?.stop());

  promises(async () => {
    const location = { databaseUrl: server.url, directory: "unused" };
    // Both make the tables at once.
    const rival = await openHistory(location);
    const history = await openHistory(location);
    await Promise.all([rival.rates(0), history.rates(0)]);
    await rival.close();
    return { history, again: () => openHistory(location) };
  });

  test("a server that is away is reported as unavailable, and used again when it is back", async () => {
    const history = await openHistory({ databaseUrl: server.url, directory: "unused" });
    await history.rates(0);
    await server.kill();
    await assert.rejects(history.rates(0), HistoryUnavailableError);
    await server.start();
    await history.rates(0).catch(() => undefined); // A connection of before may be found dead now.
    assert.ok(Array.isArray(await history.rates(0)));
    await history.close();
  });
});

test("a URL that is none of PostgreSQL is an error of the configuration, without the password in it", async () => {
  for (const databaseUrl of ["mysql://u:secret@h/d", "not a url secret"]) {
    await assert.rejects(
      openHistory({ databaseUrl, directory: "unused" }),
      (err: Error) => err.name === "ConfigError" && !err.message.includes("secret"),
    );
  }
});
