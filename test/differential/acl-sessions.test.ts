import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { comparable, ourSession, preamble } from "../../services/postbus/test/session/both-sessions.ts";

interface Case {
  readonly name: string;
  readonly config: string;
  readonly client: string;
  readonly replies: string;
}

/** The cases of the table: `=== name`, then configuration, what the client sends, and what Exim 4.98.2 has answered (`-bh`). */
function cases(): Case[] {
  const table = readFileSync(join(import.meta.dirname, "acl-sessions.txt"), "latin1");
  const [routers = "", ...blocks] = table.split(/^=== /m);
  return blocks.map((block) => {
    const [, name = "", own = "", client = "", replies = ""] =
      /^(.*)\n([\s\S]*?)--- client\n([\s\S]*?)--- replies\n([\s\S]*)$/.exec(block) ?? [];
    return { name, config: own + routers, client, replies };
  });
}

/** What Postbus says instead of what Exim has said, on purpose. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  // RFC 8601 §2.2: without results, it says so.
  ["550 Authentication-Results: mx", "550 Authentication-Results: mx; none"],
]);

describe("sessions that Exim has answered", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-sessions-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [i, { name, config, client, replies }] of cases().entries()) {
    test(name, async () => {
      const own = join(directory, String(i));
      const session = await ourSession(own, preamble(own) + config, client.split("\n").slice(0, -1));
      const said = comparable(session?.replies ?? "").filter((line) => line !== "");
      const want = replies
        .split("\n")
        .slice(0, -1)
        .map((line) => OTHERWISE.get(line) ?? line);
      assert.deepEqual(said, want, session?.log ?? "the configuration is not taken");
    });
  }
});
