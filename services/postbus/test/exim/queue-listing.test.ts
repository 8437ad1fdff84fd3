import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { program } from "@postbus/testkit";
import { type ListedItem, listedMessage } from "../../src/exim/queue-listing.ts";

const NOW = 1_795_892_764_000;
const ID = "1xXNkK-000000006mb-2RP4";
const MINUTE = 60_000;

const item = (changes: Partial<ListedItem> = {}): ListedItem => ({
  ...{ messageId: ID, state: "deferred", size: 280, returnPath: "s@c.test", recipients: ["a@q.test"] },
  ...{ receivedAtMs: NOW, ...changes },
});

/** As `exim -bp` of 4.98 shows them. */
const rows: readonly { readonly items: readonly ListedItem[]; readonly text: string }[] = [
  { items: [item()], text: ` 0m   280 ${ID} <s@c.test>\n          a@q.test\n\n` },
  {
    items: [item({ state: "frozen", returnPath: "", size: 505, recipients: ["a@x.test", "b@y.test"] })],
    text: ` 0m   505 ${ID} <> *** frozen ***\n          a@x.test\n          b@y.test\n\n`,
  },
  {
    items: [item({ state: "frozen" }), item({ recipients: ["b@q.test"] })],
    text: ` 0m   280 ${ID} <s@c.test>\n          a@q.test\n          b@q.test\n\n`,
  },
  { items: [item({ receivedAtMs: NOW - 90 * MINUTE, size: 5_000 })], text: `90m  4.9K ${ID} <s@c.test>\n` },
  { items: [item({ receivedAtMs: NOW - 91 * MINUTE, size: 50_000 })], text: ` 2h   49K ${ID} <s@c.test>\n` },
  { items: [item({ receivedAtMs: NOW - 80 * 60 * MINUTE, size: 5_000_000 })], text: ` 3d  4.8M ${ID} <s@c.test>\n` },
  { items: [item({ size: 50_000_000 })], text: ` 0m   48M ${ID} <s@c.test>\n` },
  { items: [item({ size: 0 })], text: ` 0m       ${ID} <s@c.test>\n` },
];

test("messages are listed as by exim -bp", () => {
  for (const { items, text } of rows) {
    const listed = listedMessage(items, NOW);
    assert.equal(text.endsWith("\n\n") ? listed : `${listed.split("\n")[0]}\n`, text);
  }
});

const listing = [
  listedMessage([item({ recipients: ["a@q.test", "b@q.test"] })], NOW),
  listedMessage([item({ messageId: "1xXNkL-000000006n4-0FCN", returnPath: "", recipients: ["c@r.test"] })], NOW),
  listedMessage(
    [item({ messageId: "1xXNkL-000000006n5-0FCN", state: "frozen", receivedAtMs: NOW - 91 * MINUTE })],
    NOW,
  ),
].join("");

describe("Exim's own tools read the listing", () => {
  const tool = (name: string, ...args: string[]) =>
    execFileSync(program(name) ?? "", args, { input: listing, encoding: "latin1" });

  test("exiqsumm counts recipients by domain", (t) => {
    if (program("exiqsumm") === undefined) return t.skip("SKIPPED: exiqsumm is not on this machine");
    const lines = tool("exiqsumm").split("\n");
    assert.ok(
      lines.some((line) => /^ +3 .* q\.test$/.test(line)),
      lines.join("\n"),
    );
    assert.ok(lines.some((line) => /^ +1 .* r\.test$/.test(line)));
    assert.ok(lines.some((line) => /^ +4 .* TOTAL$/.test(line)));
  });

  test("exiqgrep finds messages by sender, and frozen ones", (t) => {
    if (program("exiqgrep") === undefined) return t.skip("SKIPPED: exiqgrep is not on this machine");
    const directory = mkdtempSync(join(tmpdir(), "postbus-listing-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const exim = join(directory, "exim");
    writeFileSync(exim, `#!/bin/sh\ncat <<'END'\n${listing}END\n`, { mode: 0o755 });
    const found = (...args: string[]) =>
      tool("exiqgrep", "-E", exim, "-i", ...args)
        .split("\n")
        .filter(Boolean);
    assert.deepEqual(found("-z"), ["1xXNkL-000000006n5-0FCN"]);
    assert.deepEqual(found("-f", "^<>$"), ["1xXNkL-000000006n4-0FCN"]);
    assert.deepEqual(found("-r", "@r"), ["1xXNkL-000000006n4-0FCN"]);
  });
});
