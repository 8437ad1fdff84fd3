import assert from "node:assert/strict";
import { test } from "node:test";
import { checkMessage } from "../../src/index.ts";
import { resolverFor } from "../dns-lab.ts";
import { ourKey, sealed } from "./sealed.ts";

const MESSAGE = "From: a@hop.example\r\nSubject: x\r\n\r\nHello.\r\n";
const SETS = 12;

test("a chain is not verified at one go: others have their turn between its sets", async () => {
  const resolver = await resolverFor(ourKey.zone, 5_000);
  let message = await sealed(MESSAGE, { results: "arc=none" });
  for (let i = 2; i <= SETS; i++) message = await sealed(message, { results: "arc=pass" });
  const options = { wantsArc: true, skipsDmarc: true };
  let turns = 0;
  const counted = async (): Promise<number> => {
    turns = 0;
    const { arc } = await checkMessage(Buffer.from(message, "latin1"), options, resolver);
    assert.deepEqual([arc?.result, arc?.instance, arc?.oldestPass], ["pass", SETS, 1]);
    return turns;
  };
  const count = (): void => {
    turns++;
    running = setImmediate(count);
  };
  let running = setImmediate(count);
  try {
    await counted();
    // The key is at hand now: nothing else is waited for.
    assert.ok((await counted()) >= 2 * SETS);
  } finally {
    clearImmediate(running);
  }
});
