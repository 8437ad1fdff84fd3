import assert from "node:assert/strict";
import { test } from "node:test";
import { type Permissions, readRedirectList } from "../../src/redirect/redirect-list.ts";

const files: Readonly<Record<string, string>> = { "/list": "b@x.example", "/self": "a@x.example, :include:/self" };

const PERMISSIONS: Permissions = {
  mayFail: true,
  mayDefer: true,
  mayDiscard: true,
  mayInclude: true,
  skipsSyntaxErrors: false,
  include: async (path) => {
    const text = files[path];
    return text === undefined ? { reason: `no ${path}` } : { text };
  },
};

const read = (text: string, more: Partial<Permissions> = {}) => readRedirectList(text, { ...PERMISSIONS, ...more });

test("items of all kinds are told apart", async () => {
  const list = await read('ann, \\bob, "|cmd \\"x\\"", /mail/box, /mail/dir/, :unknown:, (comment), :include:/list');
  assert.deepEqual(list.kind === "entries" && list.entries, [
    { kind: "address", localPart: "ann", domain: "", isOwn: false },
    { kind: "address", localPart: "bob", domain: "", isOwn: true },
    { kind: "pipe", text: '|cmd "x"' },
    { kind: "file", text: "/mail/box" },
    { kind: "directory", text: "/mail/dir/" },
    { kind: "address", localPart: "b", domain: "x.example", isOwn: false },
  ]);
});

test("the text behind :fail: goes up to the end of its line, and what stands before it counts", async () => {
  const list = await read("a@x.example, :fail: no, thanks\nmore");
  assert.deepEqual(list, {
    kind: "fail",
    text: "no, thanks",
    entries: [{ kind: "address", localPart: "a", domain: "x.example", isOwn: false }],
  });
});

test("the text behind :defer: likewise, and nothing else counts", async () => {
  assert.deepEqual(await read("a, :defer: later"), { kind: "defer", text: "later", entries: [] });
});

test("a :fail: in an included file decides about the whole list", async () => {
  const list = await read("a, :include:/fail", { include: async () => ({ text: ":fail: inside" }) });
  assert.equal(list.kind, "fail");
});

for (const [item, permission] of [
  [":fail: x", "mayFail"],
  [":defer: x", "mayDefer"],
  [":blackhole:", "mayDiscard"],
] as const) {
  test(`${item} needs its permission`, async () => {
    assert.deepEqual(await read(item, { [permission]: false }), {
      kind: "wrong",
      reason: `"${item}" is not permitted`,
    });
  });
}

test("a file that includes itself comes to an end", async () => {
  assert.deepEqual(await read(":include:/self"), { kind: "wrong", reason: "more than 100 files are included" });
});

test("a list of more addresses than Exim takes is refused", async () => {
  assert.deepEqual(await read("a,".repeat(65_536)), { kind: "wrong", reason: "more than 65535 addresses" });
});

test("errors of syntax may be skipped", async () => {
  const list = await read("a b, c@x.example", { skipsSyntaxErrors: true });
  assert.partialDeepStrictEqual(list, { kind: "entries", entries: [{ localPart: "c" }] });
  assert.deepEqual(list.kind === "entries" && list.syntaxErrors.length, 1);
});

for (const piece of ['"', "(", "<@", "a,", ",", "#\n", "\\", ":fail", "a@b c,"]) {
  test(`a list takes time by its length: ${JSON.stringify(piece)}`, async () => {
    const start = performance.now();
    await read(piece.repeat(100_000), { skipsSyntaxErrors: true });
    assert.ok(performance.now() - start < 60_000);
  });
}
