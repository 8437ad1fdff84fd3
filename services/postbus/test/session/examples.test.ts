import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { comparable, ourSession } from "./both-sessions.ts";

const examples = join(import.meta.dirname, "examples");

// Sessions as Exim 4.96, 4.98.2 and 4.100.1 answered them; in the list of extensions they differ.
describe("recorded sessions", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-session-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const name of readdirSync(examples)) {
    const read = (file: string): string => readFileSync(join(examples, name, file), "latin1");
    const config = read("conf").replaceAll("@SPOOL@", directory).replaceAll("@FIX@", directory);
    test(`${name}: ${config.split("\n", 1)[0]?.slice(2)}`, async () => {
      const session = await ourSession(join(directory, name), config, read("input").split("\n").slice(0, -1), {
        client: read("ip").trim(),
      });
      const expected = read("expected-replies").replaceAll("\n", "\r\n");
      assert.deepEqual(comparable(session?.replies ?? ""), comparable(expected), session?.log ?? "refused");
      const codes = comparable(session?.replies ?? "").map((line) => line.slice(0, 3));
      assert.deepEqual(
        codes.filter((code) => code !== ""),
        read("expected-codes").trim().split("\n"),
      );
    });
  }
});
