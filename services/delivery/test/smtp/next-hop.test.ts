import assert from "node:assert/strict";
import { test } from "node:test";
import { hostSpec } from "../../src/smtp/next-hop.ts";

/** Exim specification, "The smtp transport", option `hosts`. */
const cases = [
  { text: "mx.b.test", want: { name: "mx.b.test", port: 25 } },
  { text: "mx.b.test::587", want: { name: "mx.b.test", port: 587 } },
  { text: "192.0.2.1", want: { name: "192.0.2.1", port: 25 } },
  { text: "192.0.2.1::2525", want: { name: "192.0.2.1", port: 2525 } },
  { text: "2001:db8::1", want: { name: "2001:db8::1", port: 25 } },
  { text: "[2001:db8::1]:587", want: { name: "2001:db8::1", port: 587 } },
  { text: "[192.0.2.1]:587", want: { name: "192.0.2.1", port: 587 } },
];

for (const { text, want } of cases) test(text, () => assert.deepEqual(hostSpec(text, 25), want));
