import assert from "node:assert/strict";
import { test } from "node:test";
import { watchTurns } from "@postbus/testkit";
import fc from "fast-check";
import { json } from "../../src/types/json.ts";
import { openedWith, opening } from "./open-type.ts";

const FILE = String.raw`{"a": 1, "b":[1,2.5,{"c":"x,y"}],"t":true,"f":false,"n":null,
"s":"caf\u00e9 \"q\" \\ \/ \n","e":"","neg":-0,"max":9223372036854775807,"min":-9223372036854775808,
"r1":0.1,"r2":1e20,"r3":-0.0,"r4":0.0078125,"r5":1e-7,"r6":123456789012345678901234567890.0,"r7":0.0234375,
"o":{"10":"ten","2":"two","a:b":"colon","":"empty","z":{"2":1,"1":2,"b":1.0,"x":1E+2,"y":1e-10,"w":"\u001f\u007f/é",
"v":12345678901234567.0,"u":1e17,"m":-1.5e-5,"k":0.0001}},
"dup":1,"k2":2,"dup":3,"arr":["x","y",[1,[2]]],"eo":{},"ea":[],"cb":{"p":[],"q":{}},"x y":"sp","à":"octet 160","pair":"\ud83d\ude00"}`;

const Z =
  `{"2": 1, "1": 2, "b": 1.0, "x": 100.0, "y": 1e-10, "w": "\\u001F\x7f/é", "v": 12345678901234568.0, ` +
  `"u": 1e17, "m": -1.5e-5, "k": 0.0001}`;

/** Source of the data: `exim -be` (4.100.1 with LOOKUP_JSON, jansson 2.14). */
const rows: [key: string, data: string | undefined][] = [
  ["a", "1"],
  ["b", '[1, 2.5, {"c": "x,y"}]'],
  ["b:0", "1"],
  ["b:00", "1"],
  ["b:1", "2.500000"],
  ["b:2", '{"c": "x,y"}'],
  ["b:2:c", "x,y"],
  ["b:3", undefined],
  ["b:x", undefined],
  ["b:-1", undefined],
  ["b:+1", undefined],
  ["b:99999999999999999999", undefined],
  ["b: :2", undefined],
  ["b::1", undefined],
  ["t", "true"],
  ["f", "false"],
  ["n", undefined],
  ["s", 'café "q" \\ / \n'],
  ["e", ""],
  ["neg", "0"],
  ["max", "9223372036854775807"],
  ["min", "-9223372036854775808"],
  ["r1", "0.100000"],
  ["r2", "100000000000000000000.000000"],
  ["r3", "-0.000000"],
  ["r4", "0.007812"],
  ["r5", "0.000000"],
  ["r6", "123456789012345677877719597056.000000"],
  ["r7", "0.023438"],
  ["o:10", undefined],
  ["o:a::b", "colon"],
  ["o:z", Z],
  ["o:", `{"10": "ten", "2": "two", "a:b": "colon", "": "empty", "z": ${Z}}`],
  ["o:z:b", "1.000000"],
  ["o:z:w", "\x1f\x7f/é"],
  ["dup", "3"],
  ["arr: 1 ", "y"],
  ["arr:2:1:0", "2"],
  ["arr::", undefined],
  ["<;arr;1", "y"],
  ["<;o;a:b", "colon"],
  ["eo", "{}"],
  ["ea", "[]"],
  ["cb", '{"p": [], "q": {}}'],
  ["x y", "sp"],
  [" a ", "1"],
  ["0", undefined],
  [":", undefined],
  ["s:0", undefined],
  ["pair", "\u{1f600}"],
  [" à ", "octet 160"],
  ["A", undefined],
];

const latin1 = (text: string | undefined) =>
  text === undefined ? undefined : Buffer.from(text, "utf8").toString("latin1");

for (const [key, data] of rows) {
  test(`${JSON.stringify(key)} is ${JSON.stringify(data)?.slice(0, 40)}`, async () => {
    await using file = await openedWith(json, FILE);
    assert.equal(await file.get(latin1(key) ?? ""), latin1(data));
  });
}

/** Source: as above. */
const unsound: [what: string, content: string | Buffer][] = [
  ["a string alone", '"a"'],
  ["a missing brace", '{"a":1'],
  ["something behind the end", '{"a":1} x'],
  ["a NUL in a string", '{"a":"\\u0000b"}'],
  ["an integer of 66 bits", '{"a":1,"b":99999999999999999999}'],
  ["a real that is too large", '{"a":1,"b":1e400}'],
  ["a byte order mark", '\ufeff{"a":1}'],
  ["nothing", ""],
  ["an octet that is no UTF-8", Buffer.from('{"a":"\xff"}', "latin1")],
  ["half a pair of surrogates", '{"a":1,"b":"\\ud800"}'],
  ["the wrong half", '{"a":1,"b":"\\udc00"}'],
  ["a number that begins with 0", '{"a":01}'],
  ["a comma too many", '{"a":1,}'],
  ["a control character", '{"a":"\t"}'],
  ["another word", '{"a":True}'],
  ["2,049 levels", `{"a":${"[".repeat(2048)}${"]".repeat(2048)}}`],
];

for (const [what, content] of unsound) {
  test(`a file with ${what} has no values`, async () => {
    await using file = await openedWith(json, content);
    assert.equal(await file.get("a"), undefined);
  });
}

test("2,048 levels are read", async () => {
  await using file = await openedWith(json, `{"a":${"[".repeat(2047)}${"]".repeat(2047)}}`);
  assert.equal(await file.get("a"), "[".repeat(2047) + "]".repeat(2047));
});

test("a list at the top has elements", async () => {
  await using file = await openedWith(json, "[1,[2]]");
  assert.deepEqual([await file.get("1"), await file.get("1:0"), await file.get("a")], ["[2]", "2", undefined]);
});

test("a large file holds up nobody for long, and a larger one defers", async () => {
  const member = `,"k":[1,"two",{"three":3.5}]`;
  const large = `{"a":1${member.repeat(140_000)}}`;
  const turns = watchTurns();
  await using file = await openedWith(json, large);
  const longestMs = turns.stop();
  assert.equal(await file.get("k:2:three"), "3.500000");
  assert.ok(longestMs < 2_500, `${longestMs} ms; a tenth is usual, the rest is for a slow machine`);
  assert.match(await opening(json, large + " ".repeat(2 ** 20)), /^FILE has \d+ octets, the limit is 4194304$/);
});

test("whatever JSON.stringify writes is read as JSON.parse reads it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 4 }), async (text) => {
      if (/\\u0000|\\ud[89a-f]|\d{19}/i.test(text)) return; // Refused, as jansson does.
      await using file = await openedWith(json, `{"a": [${text}]}`);
      const data = await file.get("a");
      assert.deepEqual(JSON.parse(Buffer.from(data ?? "", "latin1").toString("utf8")), [JSON.parse(text)]);
    }),
    { numRuns: 100 },
  );
});

test("whatever a file holds, it is read without an error", async () => {
  const content = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'{}[],:"\\ud80a1.eE-+ tn'), maxLength: 60 }),
    fc.json().map((text) => text.slice(0, -1)),
  );
  await fc.assert(
    fc.asyncProperty(content, async (text) => {
      await using file = await openedWith(json, text);
      await file.get("a:0");
    }),
    { numRuns: 100 },
  );
});
