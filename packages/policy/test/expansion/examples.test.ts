import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { failureText } from "../../src/expansion/failures.ts";
import { expandText, placed, sampleEvaluation } from "./sample-policy.ts";

/** Taken from `exim -be`; the versions are named in the files. */
const rows = ["examples", "edge-cases"].flatMap((name) =>
  placed(readFileSync(`${import.meta.dirname}/examples/${name}.tsv`, "latin1"))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t")),
);

/** The files write results with escapes. */
const unescaped = (text: string): string =>
  text.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex: string | undefined, c: string) =>
    hex === undefined ? ({ n: "\n", t: "\t", r: "\r" }[c] ?? c) : String.fromCharCode(Number.parseInt(hex, 16)),
  );

for (const [id = "", category = "", source = "", wanted = ""] of rows) {
  test(`${id} ${category}: ${source}`, async () => {
    const evaluation = sampleEvaluation();
    if (!wanted.startsWith("FAIL: ")) {
      assert.equal(await expandText(source, evaluation), unescaped(wanted));
      return;
    }
    const reason = await expandText(source, evaluation).then(
      (value) => assert.fail(`it gives "${value}"`),
      (error: unknown) => failureText(error) ?? assert.fail(String(error)),
    );
    assert.equal(reason, unescaped(wanted.slice("FAIL: ".length)));
  });
}
