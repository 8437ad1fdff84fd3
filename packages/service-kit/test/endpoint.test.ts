import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEndpoint, parseEndpoint } from "../src/endpoint.ts";

const good = ["127.0.0.1:8080", "localhost:0", "[::1]:25", "0.0.0.0:65535"];
const bad = ["8080", ":8080", "host:", "host:x", "host:65536", "::1:25", "[::1]", "a b:1", ""];

for (const text of good) {
  test(`${text} survives reading and writing`, () => {
    const { host, port } = parseEndpoint(text, "X");
    assert.equal(formatEndpoint(host, port), text);
  });
}
for (const text of bad) {
  test(`"${text}" is refused`, () => {
    assert.throws(() => parseEndpoint(text, "X"), {
      name: "ConfigError",
      message: `X: ${JSON.stringify(text)} is not host:port`,
    });
  });
}
