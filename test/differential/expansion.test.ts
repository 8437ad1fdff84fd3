import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

/** The comparison with real Exim that belongs to the package, with other seeds and many more expressions. */
const FILE = resolve(import.meta.dirname, "../../packages/policy/test/expansion/differential.test.ts");

for (const seed of [101, 102, 103, 104]) {
  test(`3000 expressions give what Exim gives (seed ${seed})`, { timeout: 180_000 }, async (t) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const variables = { ...env, POSTBUS_DIFFERENTIAL: "3000", POSTBUS_SEED: String(seed) };
    const { stdout } = await promisify(execFile)(process.execPath, ["--test", FILE], { env: variables }).catch(
      (error: { stdout: string }) => assert.fail(error.stdout),
    );
    if (stdout.includes("NO EXIM HERE")) t.skip("NO EXIM HERE: nothing is compared");
  });
}
