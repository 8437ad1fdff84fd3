import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type MailEvent, RouteItem } from "@postbus/contracts";
import { Value } from "typebox/value";
import { type Fixture, newId, startFixture } from "./fixture.ts";

const TOKEN = "correct-horse";
let open: Fixture;
let guarded: Fixture;
before(async () => {
  [open, guarded] = await Promise.all([startFixture(), startFixture({ token: TOKEN })]);
});
after(() => Promise.all([open.stop(), guarded.stop()]));

const post = (path: string, headers: Record<string, string> = {}, fixture: Fixture = open) =>
  fixture.app.inject({ method: "POST", url: `/v1/queue/${path}`, headers: { host: "localhost:8080", ...headers } });

const stateOf = async (messageId: string) => (await open.bus.waiting.ofMessage(messageId)).map(({ state }) => state);

/** All events that the bus holds of one message. */
async function eventsOf(messageId: string, wanted: number): Promise<MailEvent[]> {
  const found: MailEvent[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const subscription = await open.bus.events.follow({}, async ({ events }) => {
    found.push(...events.filter((event) => "messageId" in event && event.messageId === messageId));
    if (found.length >= wanted) resolve();
  });
  await promise;
  await subscription.drain();
  return found;
}

describe("commands", () => {
  test("freeze, thaw: the item changes its state, and both are events", async () => {
    const id = await open.defer();
    const freeze = await post(`${id}/freeze`);
    assert.deepEqual([freeze.statusCode, freeze.json()], [200, { items: [{ id: `${id}_0_0`, done: true }] }]);
    assert.deepEqual(await stateOf(id), ["frozen"]);
    assert.equal((await post(`${id}/thaw`)).statusCode, 200);
    assert.deepEqual(await stateOf(id), ["ready"]);
    const events = await eventsOf(id, 2);
    assert.partialDeepStrictEqual(events, [
      { name: "msg:frozen", reason: "frozen by operator" },
      { name: "msg:note", text: "unfrozen by operator" },
    ]);
  });

  test("now makes a deferred item ready, named by its own id", async () => {
    const id = await open.defer();
    assert.equal((await post(`${id}_0_0/now`)).statusCode, 200);
    assert.deepEqual(await stateOf(id), ["ready"]);
  });

  test("now says that retry times do not count, and freeze since when it is frozen", async () => {
    const [hurried, frozen] = [await open.defer(), await open.defer()];
    await post(`${hurried}/now`);
    await post(`${frozen}/freeze`);
    const [ready] = await open.bus.waiting.ofMessage(hurried);
    assert.partialDeepStrictEqual(ready?.header, { isForced: true });
    const [cold] = await open.bus.waiting.ofMessage(frozen);
    assert.ok(cold?.header instanceof Object && "frozenAtMs" in cold.header);
    await post(`${frozen}/remove`);
  });

  test("bounce gives a message up that waits: router tells its sender", async () => {
    const id = await open.defer();
    assert.equal((await post(`${id}/bounce`)).statusCode, 200);
    const [item] = await open.bus.waiting.ofMessage(id);
    assert.equal(item?.state, "ready");
    assert.partialDeepStrictEqual(item.header, { cancelled: "delivery cancelled by administrator" });
    assert.partialDeepStrictEqual(await eventsOf(id, 1), [{ name: "msg:note", text: "cancelled by operator" }]);
  });

  test("remove ends the message: a note and its completion are raised", async () => {
    const id = await open.defer();
    assert.equal((await post(`${id}/remove`)).statusCode, 200);
    assert.deepEqual(await stateOf(id), []);
    const events = await eventsOf(id, 2);
    assert.partialDeepStrictEqual(events, [
      { name: "msg:note", text: "removed by operator" },
      { name: "msg:complete", id: `${id}:msg:complete:0` },
    ]);
    assert.equal((await post(`${id}/remove`)).json().code, "NOT_IN_QUEUE");
  });

  test("a command that does not fit the state is 409 and says the state", async () => {
    const id = await open.defer();
    const response = await post(`${id}/thaw`);
    assert.deepEqual(
      [response.statusCode, response.json()],
      [409, { code: "NOT_DONE", message: `cannot thaw ${id}: it is deferred` }],
    );
  });

  test("what is not in the queue is 404, what is no id or command is 400", async () => {
    assert.equal((await post(`${newId()}/now`)).statusCode, 404);
    assert.equal((await post(`${newId()}/explode`)).statusCode, 400);
    assert.equal((await post("a%20b/now")).statusCode, 400);
  });
});

describe("who may", () => {
  const rows = [
    { name: "without the token", headers: {}, code: "TOKEN_REQUIRED", status: 401 },
    { name: "with another token", headers: { authorization: "Bearer wrong-horse" }, code: "WRONG_TOKEN", status: 403 },
    { name: "with another scheme", headers: { authorization: `Basic ${TOKEN}` }, code: "TOKEN_REQUIRED", status: 401 },
    {
      name: "with the token, from a page of another site",
      headers: { authorization: `Bearer ${TOKEN}`, origin: "https://evil.test" },
      code: "WRONG_ORIGIN",
      status: 403,
    },
    { name: "with the token", headers: { authorization: `Bearer ${TOKEN}` }, code: "NOT_IN_QUEUE", status: 404 },
  ];
  for (const { name, headers, code, status } of rows) {
    test(`${name}: ${code}`, async () => {
      const response = await post(`${newId()}/now`, headers, guarded);
      assert.deepEqual([response.statusCode, response.json().code], [status, code]);
    });
  }

  test("with a token set, reading needs none, under any name", async () => {
    const response = await guarded.app.inject({ url: "/v1/queue", headers: { host: "status.example.org" } });
    assert.equal(response.statusCode, 200);
  });

  test("without a token, a browser that was sent here under another name gets nothing", async () => {
    for (const host of ["evil.test:8080", "127.0.0.1.evil.test", "192.0.2.1"]) {
      const response = await open.app.inject({ url: "/v1/messages", headers: { host } });
      assert.deepEqual([response.statusCode, response.json().code], [403, "WRONG_HOST"], host);
    }
    for (const host of ["localhost", "127.0.0.1:8080", "[::1]:8080"]) {
      assert.equal((await open.app.inject({ url: "/v1/queue", headers: { host } })).statusCode, 200, host);
    }
  });

  test("without a token, a page of another site cannot send commands", async () => {
    for (const origin of ["http://evil.test", "null", "http://localhost:9999"]) {
      assert.equal((await post(`${newId()}/now`, { origin })).json().code, "WRONG_ORIGIN", origin);
    }
    assert.equal((await post(`${newId()}/now`, { origin: "http://localhost:8080" })).statusCode, 404);
  });
});

describe("who gets a message, and from whom", () => {
  const recipientsOf = async (messageId: string) => {
    const [item] = await open.bus.waiting.ofMessage(messageId);
    const { recipients, returnPath } = Value.Parse(RouteItem, item?.header);
    return [returnPath, ...recipients.map(({ address }) => address)];
  };
  const edit = (id: string, what: string, address?: string) =>
    post(`${id}/edit/${what}${address === undefined ? "" : `?address=${encodeURIComponent(address)}`}`);

  test("recipients are added and marked as delivered, the sender is changed; each is in the log", async () => {
    const id = await open.defer(["a@b.test", "c@b.test"]);
    assert.deepEqual((await edit(id, "recipient", "new@b.test")).json(), { items: [`${id}_0_0`] });
    assert.equal((await edit(id, "delivered", "a@b.test")).statusCode, 200);
    assert.equal((await edit(id, "sender", "other@x.test")).statusCode, 200);
    assert.deepEqual(await recipientsOf(id), ["other@x.test", "c@b.test", "new@b.test"]);
    assert.equal((await edit(id, "sender")).statusCode, 200);
    assert.equal((await recipientsOf(id))[0], "");
    const events = await eventsOf(id, 4);
    assert.deepEqual(
      events.flatMap((event) => (event.name === "msg:note" ? [event.text] : [])),
      [
        "recipient <new@b.test> added by operator",
        "address <a@b.test> marked delivered by operator",
        "sender address changed to <other@x.test> by operator",
        "sender address changed to <> by operator",
      ],
    );
  });

  test("with its last recipient the message is complete", async () => {
    const id = await open.defer(["a@b.test", "c@b.test"]);
    assert.equal((await edit(id, "all-delivered")).statusCode, 200);
    assert.deepEqual(await stateOf(id), []);
    assert.ok((await eventsOf(id, 3)).some(({ name }) => name === "msg:complete"));
  });

  const refusals: readonly (readonly [what: string, address: string, status: number, text: RegExp])[] = [
    ["delivered", "nobody@b.test", 409, /nobody@b\.test is not a recipient/],
    ["recipient", "nowhere", 400, /"nowhere" is no address with a domain/],
    ["sender", "a b@c.test", 400, /is no address/],
    ["destroy", "a@b.test", 400, /./],
  ];
  for (const [what, address, status, text] of refusals) {
    test(`${what} ${address}: ${status}`, async () => {
      const id = await open.defer(["a@b.test"]);
      const answer = await edit(id, what, address);
      assert.equal(answer.statusCode, status);
      assert.match(answer.json().message, text);
      assert.deepEqual((await recipientsOf(id)).slice(1), ["a@b.test"]);
    });
  }

  test("what is ready may be in work, and is left alone", async () => {
    const id = await open.defer(["a@b.test"]);
    await post(`${id}/now`);
    assert.equal((await edit(id, "delivered", "a@b.test")).statusCode, 409);
    assert.equal((await edit(newId(), "all-delivered")).statusCode, 404);
  });
});
