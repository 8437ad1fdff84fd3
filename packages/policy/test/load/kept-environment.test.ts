import assert from "node:assert/strict";
import { test } from "node:test";
import { keptEnvironment } from "../../src/load/kept-environment.ts";

const environment = { HOME: "/root", LC_ALL: "C", LC_TIME: "de", SECRET: "x" };

test("nothing is kept unless it is named", () => {
  assert.deepEqual({ ...keptEnvironment(environment, undefined, undefined) }, {});
  assert.deepEqual(
    { ...keptEnvironment(environment, "HOME : ^LC_", undefined) },
    { HOME: "/root", LC_ALL: "C", LC_TIME: "de" },
  );
  assert.deepEqual({ ...keptEnvironment(environment, "*ME", undefined) }, { HOME: "/root", LC_TIME: "de" });
});

test("others are added", () => {
  assert.deepEqual({ ...keptEnvironment(environment, "", "A=1 : B=c=d : E") }, { A: "1", B: "c=d", E: "" });
});
