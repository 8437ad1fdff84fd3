import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatReply, isPermanent, isTransient, reply } from "../src/index.ts";

describe("formatReply", () => {
  const cases = [
    { name: "one line", value: reply(250, "2.1.0", "OK"), want: "250 2.1.0 OK\r\n" },
    {
      name: "several lines, each with the status",
      value: reply(550, "5.7.1", "no", "never"),
      want: "550-5.7.1 no\r\n550 5.7.1 never\r\n",
    },
    { name: "a tab stays", value: reply(550, "5.7.1", "a\tb\vc"), want: "550 5.7.1 a\tb c\r\n" },
    { name: "none where RFC 2034 wants none", value: { code: 354, lines: ["Go"] as const }, want: "354 Go\r\n" },
  ];
  for (const { name, value, want } of cases) test(name, () => assert.equal(formatReply(value), want));

  test("no text of a peer can end the line or start another", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const octets = formatReply(reply(550, "5.1.1", text));
        assert.equal(octets.indexOf("\r\n"), octets.length - 2);
        assert.equal(octets.slice(0, -2).match(/[\r\n\0]/), null);
      }),
    );
  });

  test("4yz is transient, 5yz is permanent", () => {
    assert.ok(isTransient(reply(451, "4.3.0", "later")) && !isTransient(reply(550, "5.0.0", "no")));
    assert.ok(isPermanent(reply(550, "5.0.0", "no")) && !isPermanent(reply(250, "2.0.0", "ok")));
  });
});
