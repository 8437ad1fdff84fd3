import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Recipient } from "../src/index.ts";
import { shareOrigins, withOrigins } from "../src/index.ts";

const list = { parents: ["list@a.test"], headersAdd: ["X-List: long\n"] };
const other = { parents: ["other@a.test"] };
const published = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe("an origin that several recipients have", () => {
  const recipients: Recipient[] = [
    { address: "1@c.test", origin: list },
    { address: "2@c.test" },
    { address: "3@c.test", origin: list, lastError: "busy" },
    { address: "4@c.test", origin: other },
    { address: "5@c.test", origin: list },
  ];

  test("stands in the item once", () => {
    assert.deepEqual(shareOrigins({ recipients }), {
      origins: [list],
      recipients: [
        { address: "1@c.test", sharedOrigin: 0 },
        { address: "2@c.test" },
        { address: "3@c.test", sharedOrigin: 0, lastError: "busy" },
        { address: "4@c.test", origin: other },
        { address: "5@c.test", sharedOrigin: 0 },
      ],
    });
  });

  test("is each recipient's again on the other side, and the same for all of them", () => {
    const item = withOrigins(published(shareOrigins({ recipients })));
    assert.deepEqual(item, { recipients });
    assert.equal(item.recipients[0]?.origin, item.recipients[2]?.origin);
    assert.deepEqual(shareOrigins(item), shareOrigins({ recipients }));
  });

  test("that is not there is an error", () => {
    assert.throws(
      () => withOrigins({ recipients: [{ address: "1@c.test", sharedOrigin: 1 }], origins: [list] }),
      /no origin 1/,
    );
  });
});

test("an item without such is left as it is", () => {
  for (const recipients of [
    [{ address: "1@c.test", origin: list }],
    [
      { address: "1@c.test", origin: list },
      { address: "2@c.test", origin: other },
    ],
    [{ address: "1@c.test" }, { address: "2@c.test" }],
  ]) {
    const item = { recipients };
    assert.equal(shareOrigins(item), item);
    assert.equal(withOrigins(item), item);
  }
});
