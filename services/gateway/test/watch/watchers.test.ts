import assert from "node:assert/strict";
import { test } from "node:test";
import { WATCH_LEASE_MS, type WatchedLine, type WatchReport, type WatchRequest } from "@postbus/contracts";
import { Watcher } from "../../src/watch/watcher.ts";
import { Watchers } from "../../src/watch/watchers.ts";

const request = (id: string): WatchRequest => ({ v: 1, id, filter: {} });

const line = (text: string): WatchedLine => ({
  atMs: 0,
  session: "s",
  clientAddress: "192.0.2.1",
  clientPort: 25,
  kind: "client",
  text,
});

test("lines that come faster than they are sent are dropped and counted, and nobody waits", () => {
  const watcher = new Watcher(request("a"), "test", 0);
  for (let i = 0; i < 1_500; i++) watcher.add(line(String(i)));
  const sent: string[] = [];
  let dropped = 0;
  for (let report = watcher.report(); report !== undefined; report = watcher.report()) {
    assert.ok(report.lines.length <= 200);
    sent.push(...report.lines.map(({ text }) => text));
    dropped += report.dropped;
  }
  assert.deepEqual(
    sent,
    Array.from({ length: 1_000 }, (_, i) => String(i)),
  );
  assert.equal(dropped, 500);
});

test("long lines are bounded by their octets", () => {
  const watcher = new Watcher(request("a"), "test", 0);
  for (let i = 0; i < 1_000; i++) watcher.add(line("x".repeat(1_000)));
  let octets = 0;
  for (let report = watcher.report(); report !== undefined; report = watcher.report()) {
    for (const { text } of report.lines) octets += text.length;
  }
  assert.ok(octets < 262_144, String(octets));
});

/** With a clock that the test sets. */
class Bench implements Disposable {
  nowMs = 0;
  readonly sent: { readonly subject: string; readonly body: WatchReport }[] = [];
  readonly watchers: Watchers;

  constructor() {
    const broadcast = (subject: string, body: object): void => {
      this.sent.push({ subject, body: body as WatchReport });
    };
    this.watchers = new Watchers({ broadcast }, "test", () => this.nowMs);
  }

  get ids(): string[] {
    return [...this.watchers.all].map(({ id }) => id);
  }

  [Symbol.dispose](): void {
    for (const id of this.ids) this.watchers.take({ ...request(id), over: true });
  }
}

test("a watcher that does not ask again is forgotten when its lease is over; one that does stays", () => {
  using bench = new Bench();
  const { watchers } = bench;
  watchers.take(request("a"));
  watchers.take(request("b"));
  assert.equal(watchers.isActive, true);
  bench.nowMs = WATCH_LEASE_MS - 1;
  watchers.take(request("b"));
  bench.nowMs = WATCH_LEASE_MS;
  watchers.send();
  assert.deepEqual(bench.ids, ["b"]);
  bench.nowMs = 2 * WATCH_LEASE_MS;
  watchers.send();
  assert.equal(watchers.isActive, false);
});

test("a watcher that goes is forgotten at once; the ninth does not get in", () => {
  using bench = new Bench();
  for (const id of "abcdefghi") bench.watchers.take(request(id));
  assert.equal(bench.ids.join(""), "abcdefgh");
  bench.watchers.take({ ...request("a"), over: true });
  bench.watchers.take(request("i"));
  assert.equal(bench.ids.join(""), "bcdefghi");
});

test("each watcher is sent its own lines", () => {
  using bench = new Bench();
  for (const id of ["a", "b"]) bench.watchers.take(request(id));
  const [first] = bench.watchers.all;
  first?.add(line("hello"));
  bench.watchers.send();
  assert.deepEqual(
    bench.sent.map(({ subject, body }) => [subject, body.lines.map(({ text }) => text)]),
    [["control.watched.a", ["hello"]]],
  );
});
