import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { program } from "@postbus/testkit";
import { eximSession, ourSession, preamble } from "./both-sessions.ts";
import { randomMessage, TELL_PARTS } from "./random-messages.ts";
import { seeded } from "./seeded.ts";

/** 4.98 shows messages within messages, 4.100 reads quotes right; of the former there are none here. */
const exim = program("exim-4.100");
/** POSTBUS_TEST_MESSAGES=2000 for a night's run; each takes about 30 ms. */
const count = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 40);
const firstSeed = Number(process.env["POSTBUS_TEST_SEED"] ?? 1);

test(`the parts of ${count} generated messages are told as by a real Exim`, {
  skip: exim === undefined && "no exim-4.100 here",
}, async () => {
  const root = mkdtempSync(join(tmpdir(), "postbus-messages-"));
  try {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const message = randomMessage(seeded(seed));
      const stuffed = message.map((line) => (line.startsWith(".") ? `.${line}` : line));
      const input = ["EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", ...stuffed, ".", "QUIT"];
      const directory = join(root, String(seed));
      const theirs = await eximSession(exim ?? "", directory, TELL_PARTS, input);
      const ours = await ourSession(directory, preamble(directory) + TELL_PARTS, input);
      const wanted = [...(theirs?.log ?? "").matchAll(/^LOG: \S+ ([PDA] \|.*)$/gm)].map(([, line]) => comparable(line));
      const said = [...(ours?.log ?? "").matchAll(/^LOG: main: ([PDA] \|.*)$/gm)].map(([, line]) => comparable(line));
      assert.ok(wanted.length > 0, theirs?.log ?? "not taken");
      assert.deepEqual(said, wanted, `seed ${seed}\n${message.join("\n")}`);
      rmSync(directory, { recursive: true, force: true });
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

/**
 * In Exim a string ends at its first NUL; and where padding does not end a group of base64, what it decodes has octets of the
 * line before in it.
 */
const comparable = (line = ""): string =>
  line.replace(/^(D \|base64\|[0-9]+\|[0-9]+\|).*/, "$1").replace(/\\000.*\|$/, "|");
