import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FLEET_BEAT_MS, fleetBucket } from "@postbus/contracts";
import { type Fixture, newId, received, startFixture } from "./fixture.ts";

let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.stop());

interface Parameter {
  readonly in: string;
  readonly required?: boolean;
}

const get = (url: string) => fixture.app.inject({ url, headers: { host: "localhost:8080" } });

describe("/v1/messages", () => {
  test("lists what matches, newest first, in pages", async () => {
    const all = [newId(), newId(), newId()];
    await fixture.store(all.map((id) => received(id, [`${id}@paged.test`])));
    const first = await get("/v1/messages?recipient=PAGED.test&limit=2");
    assert.equal(first.statusCode, 200);
    const { messages, next } = first.json();
    assert.partialDeepStrictEqual(messages[0], {
      id: all[2],
      state: "queued",
      returnPath: "sender@example.org",
      recipients: [`${all[2]}@paged.test`],
      recipientCount: 1,
      size: 4_321,
      clientAddress: "192.0.2.1",
    });
    const second = (await get(`/v1/messages?recipient=paged.test&limit=2&after=${next}`)).json();
    assert.deepEqual(
      [...messages, ...second.messages].map(({ id }: { id: string }) => id),
      all.toReversed(),
    );
    assert.equal(second.next, undefined);
  });

  test("many recipients are counted, the first are shown", async () => {
    const recipients = Array.from({ length: 25 }, (_, i) => `r${i}@many.test`);
    await fixture.store([received(newId(), recipients)]);
    const [message] = (await get("/v1/messages?recipient=@many.test")).json().messages;
    assert.deepEqual([message.recipients.length, message.recipientCount], [10, 25]);
  });

  test("since is a time", async () => {
    const { messages } = (await get(`/v1/messages?since=${new Date(Date.now() + 60_000).toISOString()}`)).json();
    assert.deepEqual(messages, []);
  });

  const bad = [
    "limit=0",
    "limit=201",
    "limit=x",
    "state=lost",
    "since=yesterday",
    "after=../x",
    "sender=",
    "sendr=a",
    `sender=${"a".repeat(321)}`,
  ];
  for (const query of bad) {
    test(`?${query.slice(0, 20)} is 400 with a code`, async () => {
      const response = await get(`/v1/messages?${query}`);
      assert.equal(response.statusCode, 400);
      assert.equal(response.json().code, "BAD_REQUEST");
    });
  }
});

describe("/v1/messages/{id}", () => {
  test("shows recipients with their states, events in order, and what waits", async () => {
    const id = await fixture.defer(["a@x.test", "b@x.test"]);
    const message = (await get(`/v1/messages/${id}`)).json();
    assert.equal(message.state, "deferred");
    assert.partialDeepStrictEqual(message.recipients, [
      { address: "a@x.test", state: "deferred", text: "Connection refused", host: "mx.example.net" },
      { address: "b@x.test", state: "deferred" },
    ]);
    assert.deepEqual(
      message.events.map(({ name }: { name: string }) => name),
      ["msg:received", "msg:defer", "msg:defer"],
    );
    assert.equal(message.events[0].reception.helo, "client.example.org");
    assert.partialDeepStrictEqual(message.waiting, [
      { id: `${id}_0_0`, state: "deferred", queue: "route", attempt: 2 },
    ]);
  });

  test("a message that is on the bus but not in the history yet is there", async () => {
    const messageId = newId();
    const content = { kind: "inline" as const, octets: Buffer.from("x") };
    const subject = "mail.route.0";
    await fixture.bus.publish({
      subject,
      id: `${messageId}_0_0`,
      messageId,
      header: { odd: true },
      content,
      notBeforeMs: 1e15,
    });
    const message = (await get(`/v1/messages/${messageId}`)).json();
    assert.deepEqual([message.events, message.waiting.length], [[], 1]);
  });

  test("one that nobody knows is 404", async () => {
    const response = await get(`/v1/messages/${newId()}`);
    assert.equal(response.statusCode, 404);
    assert.equal(response.json().code, "MESSAGE_NOT_FOUND");
  });

  for (const id of ["..%2Fetc", "x", "a'%20OR%201=1--"]) {
    test(`${id} cannot be an id: 400`, async () => assert.equal((await get(`/v1/messages/${id}`)).statusCode, 400));
  }
});

describe("/v1/queue", () => {
  test("counts, and pages of items", async () => {
    const other = await startFixture();
    const messages = [await other.defer(), await other.defer(), await other.defer()];
    await other.bus.waiting.freeze(`${messages[0]}_0_0`, "frozen by operator");
    const ask = async (query: string) =>
      (await other.app.inject({ url: `/v1/queue?${query}`, headers: { host: "localhost" } })).json();
    assert.deepEqual((await ask("limit=0")).counts, { route: 0, deliver: 0, deferred: 2, frozen: 1 });
    const first = await ask("limit=2");
    const second = await ask(`limit=2&after=${first.next}`);
    const listed = [...first.items, ...second.items];
    assert.deepEqual(
      listed.map((item) => item.messageId),
      messages,
    );
    assert.equal(second.next, undefined);
    assert.partialDeepStrictEqual((await ask("state=frozen")).items, [
      {
        messageId: messages[0],
        state: "frozen",
        reason: "frozen by operator",
        returnPath: "sender@example.org",
        recipients: ["rcpt@example.net"],
      },
    ]);
    await other.stop();
  });
});

test("/v1/rates has the last minutes", async () => {
  const { minutes } = (await get("/v1/rates?minutes=5")).json();
  assert.ok(minutes.length >= 1 && minutes[0].received >= 1);
  assert.equal((await get("/v1/rates?minutes=100000")).statusCode, 400);
});

test("/v1/rejects shows what was refused, with nothing that the schema does not name", async () => {
  await fixture.store([
    {
      v: 1,
      id: "r1",
      atMs: 1,
      service: "gateway",
      name: "smtp:reject",
      clientAddress: "192.0.2.66",
      text: "rejected RCPT",
    },
  ]);
  const { rejects } = (await get("/v1/rejects")).json();
  assert.deepEqual(rejects, [{ id: "r1", atMs: 1, clientAddress: "192.0.2.66", text: "rejected RCPT" }]);
});

test("of a message with very many events, the first are shown, and what became of all recipients", async () => {
  const recipients = Array.from({ length: 1_100 }, (_, n) => `r${n}@example.net`);
  const message = (await get(`/v1/messages/${await fixture.defer(recipients)}`)).json();
  assert.deepEqual([message.events.length, message.isCut, message.recipients.length], [1_000, true, 1_100]);
  assert.equal(message.recipients.at(-1).state, "deferred");
});

test("/v1/fleet lists the members that it understands, tells who is late and which services are missing", async () => {
  const member = {
    v: 1,
    service: "router",
    instance: "h-1",
    version: "0.1.0",
    startedAtMs: 1,
    seenAtMs: Date.now(),
    state: "ready",
  };
  const late = { ...member, service: "scanner", seenAtMs: Date.now() - 2 * FLEET_BEAT_MS - 1 };
  await fixture.bus.keyValue(fleetBucket).put("router/h-1", member);
  await fixture.bus.keyValue(fleetBucket).put("scanner/h-1", late);
  await fixture.bus.keyValue(fleetBucket).put("router/h-2", { v: 99 });
  const { bus, members, missing } = (await get("/v1/fleet")).json();
  assert.deepEqual(members, [
    { ...member, isLate: false },
    { ...late, isLate: true },
  ]);
  assert.deepEqual(missing, ["gateway", "verifier", "delivery", "logger", "status"]);
  assert.deepEqual(bus, { ok: true, text: "embedded" });
});

test("/healthz and /readyz answer", async () => {
  assert.equal((await get("/healthz")).statusCode, 200);
  assert.equal((await get("/readyz")).statusCode, 200);
});

test("/metrics is in Prometheus' format", async () => {
  assert.match(String((await get("/metrics")).headers["content-type"]), /^text\/plain/);
});

test("/openapi.json describes every path with its answers", async () => {
  const document = (await get("/openapi.json")).json();
  assert.match(document.openapi, /^3\.1/);
  assert.deepEqual(Object.keys(document.paths).sort(), [
    "/healthz",
    "/readyz",
    "/v1/fleet",
    "/v1/messages",
    "/v1/messages/{id}",
    "/v1/policy/reload",
    "/v1/queue",
    "/v1/queue/{id}/edit/{what}",
    "/v1/queue/{id}/{command}",
    "/v1/rates",
    "/v1/rejects",
    "/v1/suspensions",
    "/v1/suspensions/{target}",
    "/v1/watch",
  ]);
  for (const operations of Object.values<Record<string, { responses: object }>>(document.paths)) {
    for (const { responses } of Object.values(operations)) assert.ok("200" in responses && "400" in responses);
  }
});

test("/v1/queue says how many messages wait, and leaves out what was not asked for", async () => {
  const { counts, messages, items } = (await get("/v1/queue?limit=0&messages=true")).json();
  assert.equal(typeof messages, "number");
  assert.ok(messages <= counts.route + counts.deliver + counts.deferred + counts.frozen);
  assert.deepEqual(items, []);
  assert.deepEqual(Object.keys((await get("/v1/queue?limit=0&counts=false")).json()), ["items"]);
});

test("/openapi.json: a query parameter with a default need not be given", async () => {
  const { paths } = (await get("/openapi.json")).json();
  for (const [path, { get: operation }] of Object.entries<{ get?: { parameters?: Parameter[] } }>(paths)) {
    const wanted = operation?.parameters?.filter(
      (parameter) => parameter.in === "query" && parameter.required === true,
    );
    assert.deepEqual(wanted ?? [], [], path);
  }
});

test("what is not there is 404 with a code", async () => {
  assert.equal((await get("/nope")).json().code, "NOT_FOUND");
});

test("the page runs nothing but its own files, and asks nobody else", async () => {
  const html = await get("/");
  assert.match(
    String(html.headers["content-security-policy"]),
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  assert.doesNotMatch(html.body, /<script(?![^>]*src=)|<style|\son\w+=|https?:/);
  const script = await get("/page.js");
  assert.doesNotMatch(script.body, /innerHTML|insertAdjacentHTML|eval\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  const again = await fixture.app.inject({
    url: "/page.js",
    headers: { host: "localhost", "if-none-match": String(script.headers.etag) },
  });
  assert.equal(again.statusCode, 304);
});

test("a history that is away is 503, and the queue is still shown", async () => {
  const other = await startFixture();
  other.history.messages = () => Promise.reject(Object.assign(new Error("boom"), { name: "HistoryUnavailableError" }));
  const ask = (url: string) => other.app.inject({ url, headers: { host: "localhost" } });
  const bug = await ask("/v1/messages");
  assert.deepEqual([bug.statusCode, bug.json().code], [500, "INTERNAL"], "an error that nobody foresaw tells nothing");
  assert.ok(!bug.body.includes("boom"));
  const { HistoryUnavailableError } = await import("@postbus/history");
  other.history.messages = () => Promise.reject(new HistoryUnavailableError("postgresql: refused"));
  const away = await ask("/v1/messages");
  assert.deepEqual(
    [away.statusCode, away.json()],
    [503, { code: "UNAVAILABLE", message: "history: postgresql: refused" }],
  );
  assert.equal((await ask("/v1/queue")).statusCode, 200);
  await other.stop();
});
