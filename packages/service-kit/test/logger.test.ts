import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, DeferError } from "@postbus/mail";
import { loggedError, readableLine } from "../src/logger.ts";

const time = new Date(2026, 10, 21, 3, 4, 5).getTime();
const line = (fields: object): string => readableLine(JSON.stringify({ level: 30, time, ...fields }));

test("a line for people: time, service, text, then the facts", () => {
  assert.equal(
    line({ service: "gateway", msg: "listening", address: "127.0.0.1:2525", count: 2 }),
    "03:04:05 gateway listening address=127.0.0.1:2525 count=2",
  );
});

test("what is not routine says so", () => {
  assert.equal(line({ level: 50, msg: "did not stop", part: "smtp" }), "03:04:05 error: did not stop part=smtp");
});

test("an error's stack stands below its line", () => {
  const err = { type: "Error", message: "boom", stack: "Error: boom\n    at x" };
  assert.equal(line({ level: 50, msg: "failed", err }), "03:04:05 error: failed\n  Error: boom\n      at x");
});

test("what was foreseen is one line: the text and its cause's, without a stack", () => {
  const away = new DeferError("history", "no answer", { cause: new Error("connect ECONNREFUSED") });
  assert.deepEqual(loggedError(away), { type: "DeferError", message: "history: no answer: connect ECONNREFUSED" });
  const wrong = new ConfigError("a:1: unknown\nb:2: unknown");
  assert.deepEqual(loggedError(wrong), { type: "ConfigError", message: "a:1: unknown; b:2: unknown" });
  assert.equal(line({ level: 40, msg: "not written", err: loggedError(away) }).split("\n").length, 1);
});

test("a bug keeps its stack", () => {
  const logged = loggedError(new TypeError("x is undefined"));
  assert.ok(typeof logged === "object" && logged !== null && "stack" in logged);
});
