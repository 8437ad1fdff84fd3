import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { program } from "@postbus/testkit";
import { comparable, eximSession, isKnownDifference, ourSession, preamble } from "./both-sessions.ts";
import { randomCase } from "./random-acls.ts";
import { seeded } from "./seeded.ts";

/** The newest that is there. (4.96 does not count a MAIL without HELO among the errors.) */
const exim = ["exim-4.100", "exim-4.98"].map((name) => program(name)).find((path) => path !== undefined);
/** `.ci/run` asks for more: each takes about 60 ms. */
const count = Number(process.env["POSTBUS_TEST_SESSIONS"] ?? 50);
const firstSeed = Number(process.env["POSTBUS_TEST_SEED"] ?? 1);

test(`${count} generated policies are answered as by a real Exim`, {
  skip: exim === undefined && "no exim-4.100 or exim-4.98 here",
}, async () => {
  const root = mkdtempSync(join(tmpdir(), "postbus-sessions-"));
  try {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const { config, input } = randomCase(seeded(seed));
      const directory = join(root, String(seed));
      const theirs = await eximSession(exim ?? "", directory, config, input);
      const ours = await ourSession(directory, preamble(directory) + config, input);
      assert.equal(ours === undefined, theirs === undefined, `seed ${seed}: one of both refuses\n${config}`);
      const [wanted, said] = [comparable(theirs?.replies ?? ""), comparable(ours?.replies ?? "")];
      const at = wanted.findIndex((line, i) => line !== said[i]);
      if (at !== -1 && !isKnownDifference(wanted[at] ?? "", said[at] ?? "")) {
        assert.deepEqual(said, wanted, `seed ${seed}\n${config}\n${ours?.log}`);
      }
      rmSync(directory, { recursive: true, force: true });
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
