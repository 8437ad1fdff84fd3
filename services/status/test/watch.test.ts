import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { type WatchReport, WatchRequest, watchedSubject, watchSubject } from "@postbus/contracts";
import { Value } from "typebox/value";
import { watchSessions } from "../src/watch-sessions.ts";
import { type Fixture, startFixture } from "./fixture.ts";

const line = (text: string): WatchReport["lines"][number] => ({
  atMs: 1,
  session: "gw 192.0.2.1 25",
  clientAddress: "192.0.2.1",
  clientPort: 25,
  kind: "client",
  text,
});

let fixture: Fixture;
let url: string;
before(async () => {
  fixture = await startFixture({ token: "correct-horse" });
  url = await fixture.app.listen({ host: "127.0.0.1", port: 0 });
});
after(() => fixture.stop());

/** A gateway that hears of watchers. */
class Gateway {
  readonly heard: WatchRequest[] = [];
  #wake: () => void = () => undefined;

  async start(): Promise<this> {
    await fixture.bus.listen(watchSubject, (body) => {
      assert.ok(Value.Check(WatchRequest, body));
      this.heard.push(body);
      this.#wake();
    });
    return this;
  }

  async until(fits: (request: WatchRequest) => boolean): Promise<WatchRequest> {
    for (;;) {
      const found = this.heard.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const say = (id: string, lines: WatchReport["lines"], dropped = 0): void =>
  fixture.bus.broadcast(watchedSubject(id), { v: 1, instance: "gw", lines, dropped } satisfies WatchReport);

const post = (query: string, init: RequestInit = {}) =>
  fetch(`${url}/v1/watch?${query}`, { method: "POST", headers: { authorization: "Bearer correct-horse" }, ...init });

describe("POST /v1/watch", () => {
  test("asks the gateways, gives what they say line by line, and tells them when the reader goes", async () => {
    const gateway = await new Gateway().start();
    const leaving = new AbortController();
    const response = await post("from=192.0.2.0/24,2001:db8::/32&sender=ann&sessions=3", { signal: leaving.signal });
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    const { id, ...request } = await gateway.until(({ over }) => over !== true);
    assert.deepEqual(request, {
      v: 1,
      filter: { from: ["192.0.2.0/24", "2001:db8::/32"], sender: "ann" },
      sessions: 3,
    });
    say(id, [line("NOOP"), line("QUIT")], 7);
    let text = "";
    const decoder = new TextDecoder();
    assert.ok(response.body);
    for await (const octets of response.body) {
      text += decoder.decode(octets);
      if (text.includes("dropped")) break;
    }
    assert.deepEqual(
      text
        .split("\n")
        .filter((one) => one !== "")
        .map((one) => JSON.parse(one)),
      [line("NOOP"), line("QUIT"), { dropped: 7 }],
    );
    leaving.abort();
    await gateway.until((one) => one.id === id && one.over === true);
  });

  test("ends by itself when the time is up", async () => {
    const response = await post("seconds=1");
    assert.equal((await response.text()).trim(), "");
  });

  const refusals: readonly [name: string, query: string, headers: Record<string, string>, status: number][] = [
    ["without the token", "", {}, 401],
    ["with another one", "", { authorization: "Bearer wrong-horse" }, 403],
    ["a network that is none", "from=192.0.2.0/40", { authorization: "Bearer correct-horse" }, 400],
    ["a name that is misspelt", "form=192.0.2.0", { authorization: "Bearer correct-horse" }, 400],
  ];
  for (const [name, query, headers, status] of refusals) {
    test(`${name}: ${status}`, async () => {
      const response = await post(query, { headers });
      assert.equal(response.status, status);
      await response.body?.cancel();
    });
  }

  test("the fifth at one time is told to wait, until one of them goes", async () => {
    const leaving = new AbortController();
    const four = await Promise.all([1, 2, 3, 4].map(() => post("", { signal: leaving.signal })));
    assert.deepEqual(
      four.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    const fifth = await post("");
    assert.equal(fifth.status, 503);
    await fifth.body?.cancel();
    leaving.abort();
    for (let status = 503; status === 503; ) {
      const again = await post("seconds=1");
      ({ status } = again);
      await again.text();
    }
  });
});

test("a reader that does not read costs no memory: what comes then is left out, and each line of it is counted", async () => {
  const gateway = await new Gateway().start();
  const lines = await watchSessions(fixture.bus, { filter: {}, forMs: 60_000 });
  const { id } = await gateway.until(({ over }) => over !== true);
  for (let i = 0; i < 1_000; i++) say(id, [line("x".repeat(1_000))], i === 999 ? 7 : 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(lines.readableLength < 600_000, String(lines.readableLength));
  let shown = 0;
  let dropped = 0;
  const done = Promise.withResolvers<void>();
  lines.on("data", (text: string) => {
    for (const one of text.split("\n")) {
      if (one.startsWith('{"dropped":')) dropped += (JSON.parse(one) as { dropped: number }).dropped;
      else if (one !== "") shown += 1;
    }
    if (dropped > 0) done.resolve();
  });
  await new Promise((resolve) => setImmediate(resolve));
  say(id, []);
  await done.promise;
  assert.ok(shown > 400, String(shown));
  assert.equal(shown + dropped, 1_007);
  lines.destroy();
});

test("what was left out is told at the end, too", async () => {
  const gateway = await new Gateway().start();
  const lines = await watchSessions(fixture.bus, { filter: {}, forMs: 1_000 });
  const { id } = await gateway.until(({ over }) => over !== true);
  for (let i = 0; i < 1_000; i++) say(id, [line("x".repeat(1_000))]);
  await gateway.until((one) => one.id === id && one.over === true);
  let text = "";
  for await (const piece of lines) text += String(piece);
  assert.match(text, /\n\{"dropped":[0-9]+\}\n$/);
});

test("a reader that does not read to the end makes room for another one when the time is up", async () => {
  const gateway = await new Gateway().start();
  const lines = await watchSessions(fixture.bus, { filter: {}, forMs: 1 });
  const { id } = await gateway.until(({ over }) => over !== true);
  await gateway.until((one) => one.id === id && one.over === true);
  // Nobody hears of what comes now.
  say(id, [line("late")]);
  await once(lines, "close");
  assert.equal(lines.destroyed, true);
});
