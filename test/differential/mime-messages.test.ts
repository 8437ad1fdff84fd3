import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

/** The comparison with real Exim that belongs to `postbus session`, with other seeds and more messages. */
const FILE = resolve(import.meta.dirname, "../../services/postbus/test/session/mime-differential.test.ts");

test("the parts of 200 messages are told as by a real Exim", { timeout: 600_000 }, async (t) => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const variables = { ...env, POSTBUS_TEST_MESSAGES: "200", POSTBUS_TEST_SEED: "2001" };
  const { stdout } = await promisify(execFile)(process.execPath, ["--test", FILE], { env: variables }).catch(
    (error: { stdout: string }) => assert.fail(error.stdout),
  );
  if (stdout.includes("no exim-4.100 here")) t.skip("no exim-4.100 here: nothing is compared");
});
