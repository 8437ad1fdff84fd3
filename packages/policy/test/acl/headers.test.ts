import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AddedHeader } from "../../src/acl/added-headers.ts";
import { changedHeader } from "../../src/acl/smtp/header-changes.ts";
import { askRcpt, contentOf, policySession, shown } from "./policy-session.ts";

const own = "Received: from us\n";
const header = [own, "Received: from x\n\tby y\n", "Resent-From: q@r\n", "X-Gone: 1\n", "Subject: s\n", "From: a@b\n"];
const names = (lines: readonly string[]): string => lines.map((line) => line.split(":", 1)[0]).join(" ");
const at = (position: AddedHeader["position"], text: string): AddedHeader => ({ position, text: `${text}: x\n` });

describe("where added lines go", () => {
  // As exim 4.96 -bs has it for the same lines.
  const rows: readonly [name: string, added: readonly AddedHeader[], wanted: string][] = [
    ["at the end", [at("at_end", "E1"), at("at_end", "E2")], "Received Received Resent-From X-Gone Subject From E1 E2"],
    [
      "at the start: the last one is first",
      [at("at_start", "S1"), at("at_start", "S2")],
      "S2 S1 Received Received Resent-From X-Gone Subject From",
    ],
    ["after the Received fields", [at("after_received", "R1")], "Received Received R1 Resent-From X-Gone Subject From"],
    ["behind the trace", [at("at_start_rfc", "F1")], "Received Received Resent-From F1 X-Gone Subject From"],
    [
      "one after the other",
      [at("at_start", "S1"), at("at_start", "S2"), at("at_start_rfc", "F2"), at("after_received", "R2")],
      "S2 F2 S1 Received Received R2 Resent-From X-Gone Subject From",
    ],
  ];
  for (const [name, added, wanted] of rows) {
    test(name, () => assert.equal(names(changedHeader(header, added, [])), wanted));
  }

  test("lines are taken out by name in any case, or by a pattern for the whole line, before others are added", () => {
    assert.equal(
      names(changedHeader(header, [at("at_end", "X-Gone")], ["x-gone", "^Subject:.*s"])),
      "Received Received Resent-From From X-Gone",
    );
  });
});

describe("add_header", () => {
  const added = async (text: string): Promise<string> => {
    const { session } = await askRcpt(`  accept add_header = ${text}`);
    return session.message.addedHeaders.map(({ position, text: line }) => `${position} ${line}`).join("");
  };

  test("takes several lines, continued ones too, each with its place", async () => {
    assert.equal(
      await added(":at_start:A: 1\\n  more\\nB: 2\\n:after_received: C: 3\\n\\n"),
      "at_start A: 1\n  more\nat_end B: 2\nafter_received C: 3\n",
    );
  });
  test("gives a line without a name one", async () =>
    assert.equal(await added("no name here"), "at_end X-ACL-Warn: no name here\n"));
  test("does nothing with nothing", async () => assert.equal(await added(""), ""));
  test("adds the same line once", async () => {
    const { session } = await askRcpt("  warn add_header = A: b\n  warn add_header = A: b\n  accept");
    assert.equal(session.message.addedHeaders.length, 1);
  });
  test("shows in $headers_added at once, and in $h_ once the content is there", async () => {
    const { acls, session } = policySession(
      "acl_smtp_rcpt = r\nacl_smtp_data = d\nbegin acl\nr:\n  accept add_header = A: b\n    add_header = B: c\n    logwrite = <$headers_added> <$h_a:>\nd:\n  warn add_header = C: d\n  deny message = <$headers_added> <$h_a:> <$h_c:>\n",
    );
    await acls.mail({ returnPath: "" });
    await acls.recipient("a@b");
    const lines = changedHeader(["Received: x\n"], session.message.addedHeaders, session.message.removedHeaders);
    session.message.settleHeaders();
    acls.content(contentOf(lines.join("")));
    assert.equal(shown(await acls.data()), "550 <C: d> <b> <>");
  });
  test("of too much is an error, and bounded", async () => {
    const { said, session } = await askRcpt(
      "  warn add_header = A: ${length_1000000:${sg{${base64:0123456789}}{.}{xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}}}\n  accept",
    );
    assert.equal(said, "accept");
    assert.equal(session.message.addedHeaders.length, 1);
  });
  test("warn message adds one, as in older Exims", async () => {
    const { session } = await askRcpt("  warn message = X-Old: way\n  accept");
    assert.deepEqual(session.message.addedHeaders, [{ position: "at_end", text: "X-Old: way\n" }]);
  });
});

test("remove_header takes a list", async () => {
  const { session } = await askRcpt("  accept remove_header = a : ^X-.*\n    remove_header = b");
  assert.deepEqual(session.message.removedHeaders, ["a", "^X-.*", "b"]);
});
