import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { test } from "node:test";
import { LookupDefer } from "../src/lookup-defer.ts";
import { LookupTable } from "../src/lookup-table.ts";
import { parseLookupType } from "../src/parse-lookup-type.ts";
import { escapedForExim, exim, eximAnswers, ourAnswer } from "./exim-answers.ts";
import { newScope, temporaryFiles } from "./lookup-in-file.ts";

const skip = exim === undefined ? "Exim is not on this machine: nothing was compared" : false;

/** A small generator of random numbers, so that a run can be repeated (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Lookup {
  readonly type: string;
  readonly key: string;
  readonly file: string;
}

async function compare(lookups: readonly Lookup[]): Promise<void> {
  const table = new LookupTable({});
  const theirs = await eximAnswers(lookups.map(({ type, key, file }) => `{${escapedForExim(key)}}${type}{${file}}`));
  const scope = newScope();
  const differences: unknown[] = [];
  for (const [i, { type, key, file }] of lookups.entries()) {
    let ours: string;
    try {
      ours = ourAnswer(await table.find({ spec: parseLookupType(type), key, file }, scope));
    } catch (err) {
      if (!(err instanceof LookupDefer)) throw err;
      ours = `Failed: ${err.expansionMessage(key)}`;
    }
    // Exim shows unprintable octets of a message in its own way, and a message may have lines.
    const isSame = ours === theirs[i] || (ours.startsWith("Failed") && theirs[i]?.startsWith("Failed") === true);
    if (!isSame) differences.push({ type, key, file, ours, theirs: theirs[i] });
  }
  await table.close();
  assert.deepEqual(differences, []);
}

const pick = <T>(random: (below: number) => number, choices: readonly T[]): T => choices[random(choices.length)] as T;

test("made-up lsearch files are read as Exim reads them", { skip }, async () => {
  const random = randomFrom(20_261_127);
  const keys = [
    "a",
    "b",
    "ab",
    "c.d",
    "*.d",
    "*",
    "*@d.e",
    "x@d.e",
    "#k",
    "",
    "K",
    "b c",
    "\t",
    'q"',
    "a\\n",
    "\xe9",
    "*.c.d",
  ];
  const parts = [
    ...keys,
    ":",
    " ",
    "  ",
    "\t",
    "\n",
    "\n",
    "\n",
    "\n ",
    "\n#",
    '"',
    "\\",
    "\\x41",
    "\\101",
    "data",
    "\r",
    "\v",
    "::",
  ];
  const files: Record<string, string> = {};
  for (let i = 0; i < 40; i++) {
    files[`f${i}`] = Array.from({ length: 5 + random(120) }, () => pick(random, parts)).join("");
  }
  const { directory, remove } = await temporaryFiles(files);
  const types = [
    "lsearch",
    "lsearch",
    "lsearch,ret=full",
    "lsearch*",
    "lsearch*@",
    "partial-lsearch",
    "partial1-lsearch*",
  ];
  const lookups = Array.from({ length: 1_200 }, () => ({
    type: pick(random, types),
    key: pick(random, [...keys, "A", "x.c.d", "y@d.e", "A\x0a", "a.b.c.d"]),
    file: `${directory}/f${random(40)}`,
  })).filter(({ key }) => key !== "");
  await compare(lookups);
  await remove();
});

test("partial and default keys are tried in Exim's order", { skip }, async () => {
  const random = randomFrom(7);
  const labels = ["a", "b", "", "c", "@", "*"];
  const name = (): string => Array.from({ length: 1 + random(5) }, () => pick(random, labels)).join(".");
  const files: Record<string, string> = {};
  for (let i = 0; i < 20; i++) {
    files[`f${i}`] = Array.from(
      { length: 6 },
      () => `"${pick(random, ["", "*.", "*", ".", "*@"])}${name()}": ${random(99)}\n`,
    ).join("");
  }
  const { directory, remove } = await temporaryFiles(files);
  const partials = [
    "partial-",
    "partial0-",
    "partial1-",
    "partial3-",
    "partial1()",
    "partial0(.)",
    "partial0(*)",
    "partial(+.)",
    "",
  ];
  const lookups = Array.from({ length: 1_200 }, () => ({
    type: `${pick(random, partials)}lsearch${pick(random, ["", "*", "*@", ",ret=key", "*,ret=full"])}`,
    key: name(),
    file: `${directory}/f${random(20)}`,
  })).filter(({ key }) => key !== "");
  await compare(lookups);
  await remove();
});

test("iplsearch finds the networks that Exim finds", { skip }, async () => {
  const random = randomFrom(42);
  const v4 = (): string =>
    Array.from({ length: 4 }, () => pick(random, [0, 1, 10, 127, 128, 255, random(256)])).join(".");
  const group = (): string => pick(random, ["0", "1", "ffff", "db8", random(65_536).toString(16)]);
  const v6 = (): string =>
    pick(random, [
      `2001:${group()}::${group()}`,
      `::${group()}`,
      `${Array.from({ length: 8 }, group).join(":")}`,
      `::ffff:${v4()}`,
      `${group()}::`,
    ]);
  const files: Record<string, string> = {};
  for (let i = 0; i < 20; i++) {
    files[`f${i}`] = Array.from({ length: 12 }, () =>
      pick(random, [
        () => `${v4()}/${random(34)}: ${random(999)}\n`,
        () => `${v4()}: ${random(999)}\n`,
        () => `"${v6()}/${random(130)}": ${random(999)}\n`,
        () => `"${v6()}" ${random(999)}\n`,
        () => "*: star\n",
        () => "name: x\n",
      ])(),
    ).join("");
  }
  const { directory, remove } = await temporaryFiles(files);
  const lookups = Array.from({ length: 1_000 }, () => ({
    type: pick(random, ["iplsearch", "iplsearch", "iplsearch*", "iplsearch,ret=full"]),
    key: pick(random, [v4, v4, v6, () => "*", () => "name", () => `${v4()}/8`, () => `${v6()}%eth0`])(),
    file: `${directory}/f${random(20)}`,
  }));
  await compare(lookups);
  await remove();
});

test("dsearch finds the entries that Exim finds", { skip }, async () => {
  const { directory, remove } = await temporaryFiles({ file: "", "b c": "", "\xe9": "" });
  mkdirSync(`${directory}/sub`);
  symlinkSync("file", `${directory}/link`);
  symlinkSync("nowhere", `${directory}/dangling`);
  const lookups = [
    "dsearch",
    "dsearch,ret=full",
    "dsearch,filter=file",
    "dsearch,filter=dir",
    "dsearch,filter=subdir,ret=full",
    "partial1()dsearch",
    "dsearch*",
  ].flatMap((type) =>
    ["file", "FILE", "b c", "sub", "link", "dangling", ".", "..", "sub/x", "none", "a.file", "\xe9", "*"].map(
      (key) => ({ type, key, file: directory }),
    ),
  );
  await compare([
    ...lookups,
    { type: "dsearch", key: "x", file: `${directory}/none` },
    { type: "dsearch", key: "x", file: `${directory}/file` },
  ]);
  await remove();
});
