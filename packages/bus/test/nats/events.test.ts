import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, newMessageId, noted, record, routeItem, textsOf } from "../contract-items.ts";
import { skip, startFleet } from "./fleet.ts";

describe("events on NATS", { skip }, () => {
  test("what a predecessor has read and comes again, from a handler that ran twice, is not given out again", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const messageId = newMessageId();
    const raise = (...events: ReturnType<typeof noted>[]) => bus.publish(routeItem(newMessageId()), events);
    const [first, second, third] = ["first", "second", "third"].map((text) => noted(messageId, text));
    assert.ok(first && second && third);
    await raise(first);
    await raise(second);
    let position = "";
    const read: string[] = [];
    const predecessor = await bus.events.follow({}, async (batch) => {
      read.push(...textsOf(batch.events, messageId));
      position = batch.position;
    });
    await eventually(() => assert.deepEqual(read, ["first", "second"]));
    await predecessor.drain();
    // Together with others: the server sees another message.
    await raise(second, first);
    await raise(third, second);
    const later: string[] = [];
    await bus.events.follow({ after: position }, async (batch) => {
      later.push(...textsOf(batch.events, messageId));
    });
    await eventually(() => assert.deepEqual(later, ["third"]));
  });

  test("an event that is there twice is given out once, also where both are read together", async (t) => {
    const { connect } = await startFleet(t);
    const bus = await connect();
    const messageId = newMessageId();
    const [twice, last] = [noted(messageId, "twice"), noted(messageId, "last")];
    await bus.consume("route", { concurrency: 1 }, async () => ({ events: [twice, twice, last] }));
    await bus.publish(routeItem(messageId));
    const events = await record(bus);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["twice", "last"]));
  });
});
