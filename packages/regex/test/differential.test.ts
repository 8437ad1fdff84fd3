import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { program } from "@postbus/testkit";
import fc from "fast-check";
import { compileRegex, RegexError, RegexLimitError } from "../src/index.ts";
import { pattern, subject } from "./pattern-arbitrary.ts";

const exim = program("exim-4.96") ?? program("exim4");
const skip = exim === undefined ? "there is no exim on this machine" : false;

/** What Exim's tester prints for each expression. */
function expandInExim(expressions: readonly string[]): string[] {
  const input = Buffer.from(expressions.map((line) => `${line}\n`).join(""), "latin1");
  const { stdout } = spawnSync(exim ?? "", ["-C", "/dev/null", "-be"], { input, maxBuffer: 1e8 });
  return stdout
    .toString("latin1")
    .split("\n")
    .map((line) => line.replace(/^> /, ""))
    .slice(0, expressions.length);
}

function outcome(run: () => string): string {
  try {
    return run();
  } catch (err) {
    if (err instanceof RegexError) return `Failed: ${err.message}`;
    if (err instanceof RegexLimitError) return "limit";
    throw err;
  }
}

const samples = (seed: number) => fc.sample(fc.tuple(pattern, subject), { seed, numRuns: 4000 });

test("4,000 patterns match, capture and are refused as in Exim", { skip }, () => {
  const pairs = samples(1);
  const printed = expandInExim(pairs.map(([p, s]) => `\${if match{\\N${s}\\N}{\\N${p}\\N}{<$0> <$1> <$2> <$3>}{no}}`));
  pairs.forEach(([p, s], i) => {
    const ours = outcome(() => {
      const match = compileRegex(p).exec(s);
      return match === undefined ? "no" : [0, 1, 2, 3].map((n) => `<${match.groups[n] ?? ""}>`).join(" ");
    });
    if (ours !== "limit") assert.equal(ours, printed[i], `${JSON.stringify(s)} =~ ${p}`);
  });
});

test("4,000 global replacements give what ${sg gives", { skip }, () => {
  const pairs = samples(2);
  const printed = expandInExim(pairs.map(([p, s]) => `\${sg{\\N${s}\\N}{\\N${p}\\N}{<\\$0,\\$1>}}`));
  pairs.forEach(([p, s], i) => {
    const ours = outcome(() => {
      let result = "";
      let from = 0;
      for (const { index, end, groups } of compileRegex(p).matchAll(s)) {
        result += `${s.slice(from, index)}<${groups[0]},${groups[1] ?? ""}>`;
        from = end;
      }
      return result + s.slice(from);
    });
    if (ours !== "limit") assert.equal(ours, printed[i], `${JSON.stringify(s)} =~ ${p}`);
  });
});
