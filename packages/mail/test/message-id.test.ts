import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { derivedMessageId, MessageIdGenerator, messageIdPattern, messageIdTimeMs } from "../src/index.ts";

const pattern = new RegExp(messageIdPattern);
// 1xUZmr is the time part of an id that Exim 4.99 made (Exim specification, spool file names).
const AT_MS = messageIdTimeMs("1xUZmr-000000002kR-2FF8");

describe("MessageIdGenerator", () => {
  test("makes ids of Exim's 6-11-4 form that hold the time and the process number", () => {
    const id = new MessageIdGenerator(() => AT_MS + 0.5, 10_005n).next();
    assert.match(id, pattern);
    assert.equal(id, "1xUZmr-000000002bN-0084");
  });

  test("never repeats itself, also when the clock stands still or goes back", () => {
    let nowMs = AT_MS;
    const generator = new MessageIdGenerator(() => nowMs);
    const ids = new Set<string>();
    for (let i = 0; i < 2_000; i++) {
      if (i === 1_000) nowMs -= 3_600_000;
      ids.add(generator.next());
    }
    assert.equal(ids.size, 2_000);
  });

  test("sorts by time", () => {
    let nowMs = AT_MS;
    const generator = new MessageIdGenerator(() => nowMs);
    const first = generator.next();
    nowMs += 1;
    const second = generator.next();
    nowMs += 5_000;
    assert.ok(first < second && second < generator.next());
  });

  test("two generators do not meet", () => {
    const [a, b] = [new MessageIdGenerator(() => AT_MS), new MessageIdGenerator(() => AT_MS)];
    assert.notEqual(a.next(), b.next());
  });
});

describe("derivedMessageId", () => {
  test("is the same for the same cause and another for another", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        assert.match(derivedMessageId(a, AT_MS), pattern);
        assert.equal(derivedMessageId(a, AT_MS), derivedMessageId(a, AT_MS));
        assert.equal(derivedMessageId(a, AT_MS) === derivedMessageId(b, AT_MS), a === b);
      }),
    );
  });

  test("holds the time to the second", () => {
    assert.equal(messageIdTimeMs(derivedMessageId("bounce", 1_795_230_000_999)), 1_795_230_000_000);
  });
});
