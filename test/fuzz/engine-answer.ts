import assert from "node:assert/strict";
import { readClamdAnswer } from "../../services/scanner/src/clients/clamd.ts";
import { readDccifdAnswer } from "../../services/scanner/src/clients/dccifd.ts";
import { readRspamdAnswer } from "../../services/scanner/src/clients/rspamd.ts";
import { readSpamdAnswer } from "../../services/scanner/src/clients/spamd.ts";
import { EngineError } from "../../services/scanner/src/hosts/engine-error.ts";
import type { Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const TOKENS = [
  ...[
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\0",
    "\xff",
    " ",
    ":",
    ";",
    "/",
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    "-",
    ".",
    "1e999",
    "NaN",
    "null",
  ],
  ...["OK", "FOUND", "ERROR", "A", "R", "G", "T", "X-DCC-x-Metrics: ", "Spam: ", "True", "5.0", "SPAMD/1.1 0 EX_OK"],
  ...[
    "x".repeat(2_000),
    "(".repeat(500),
    " ".repeat(2_000),
    "\n ".repeat(300),
    "[".repeat(3_000),
    "__proto__",
    "\\u0000",
  ],
] as const;

/** What the reader makes of it; undefined: it understands nothing, and says so in one line. */
function readOrRefused<T>(read: (answer: string) => T, answer: string): T | undefined {
  try {
    return read(answer);
  } catch (err) {
    assert.ok(err instanceof EngineError, `an escape: ${err}`);
    assert.match(err.message, /^[ -~]{1,1300}$/);
    return undefined;
  }
}

const made = (chance: Chance, good: readonly [string, ...string[]]): string => {
  if (chance.oneIn(15)) return chance.octets(300);
  if (chance.oneIn(15)) return chance.words(TOKENS, 12);
  const one = chance.pick(good);
  if (chance.oneIn(6)) return one.slice(0, chance.integer(one.length + 1));
  return chance.oneIn(6) ? one : chance.spoilt(one, TOKENS);
};

const DCC = [
  "A\nAAR\nX-DCC-Brand-Metrics: host.name 1234; bulk Body=many Fuz1=many\n\n",
  "G\nGG\n\n",
  "R\nAR\nX-DCC-x-Metrics: a\n\tb\n c\n\n",
  "T\n\n",
] as const;

export const dccifdAnswer: FuzzTarget = {
  name: "reader of dccifd's answers",
  shortCount: 10_000,
  tryOne(chance) {
    const text = made(chance, DCC);
    const verdict = readOrRefused(readDccifdAnswer, text);
    if (verdict === undefined) {
      assert.ok((text.match(/\n/g)?.length ?? 0) < 2, "it has both lines");
      return;
    }
    const { overall, recipients, header } = verdict;
    for (const shown of [overall, recipients, header]) assert.match(shown, /^[ -~]*$/);
    assert.ok(header === "" || /^X-DCC[^:]*:/i.test(header));
    assert.ok(header.length <= 998);
    // Nothing is taken for a verdict that does not stand first.
    if (/^[ARGST]$/.test(overall)) assert.ok(text.startsWith(`${overall}\n`) || text.startsWith(`${overall}\r\n`));
  },
};

const CLAMD = [
  "stream: OK\0",
  "stream: Eicar-Signature FOUND\0",
  "stream: Eicar(abc:68) FOUND\0",
  "INSTREAM size limit exceeded. ERROR\0",
] as const;

export const clamdAnswer: FuzzTarget = {
  name: "reader of clamd's answers",
  shortCount: 10_000,
  tryOne(chance) {
    const text = made(chance, CLAMD);
    const found = readOrRefused(readClamdAnswer, text);
    if (found === undefined) return;
    const end = text.indexOf("\0");
    assert.ok(end >= 0, "it has its end");
    const words = text
      .slice(0, end)
      .replace(/^[^:]*:/, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    // Clean is what says so, and nothing else.
    if (found === "") assert.deepEqual(words, ["OK"]);
    else assert.equal(words.at(-1), "FOUND");
  },
};

const SPAMD = [
  "SPAMD/1.1 0 EX_OK\r\nContent-length: 5\r\nSpam: True ; 6.5 / 5.0\r\n\r\nGTUBE",
  "SPAMD/1.1 0 EX_OK\r\nSpam: False ; -0.5 / 5.0\r\n\r\nfine\r\n",
  "SPAMD/1.1 75 EX_TEMPFAIL\r\n\r\n",
] as const;

export const spamdAnswer: FuzzTarget = {
  name: "reader of spamd's answers",
  shortCount: 10_000,
  tryOne(chance) {
    const text = made(chance, SPAMD);
    const read = readOrRefused(readSpamdAnswer, text);
    if (read === undefined) return;
    assert.ok(Number.isFinite(read.score) && Number.isFinite(read.threshold));
    assert.match(text, /^SPAMD\/[0-9.]+ 0+ /);
    const [head = ""] = text.split("\r\n\r\n");
    const numbers = head
      .replaceAll("\r", "")
      .split("\n")
      .map((line) => /^spam:.*;([^/]*)\/(.*)/i.exec(line)?.slice(1).map(Number));
    assert.ok(
      numbers.some((pair) => pair?.[0] === read.score && pair[1] === read.threshold),
      "a line says so",
    );
    assert.ok(!read.text.includes("\r"));
  },
};

const RSPAMD = [
  '{"score":7.5,"required_score":5,"action":"reject","symbols":{"BULK":{"score":7,"options":["a"]},"X":{}},"messages":{"smtp_message":"no"}}',
  '{"score":-1,"required_score":15,"action":"no action"}',
] as const;

export const rspamdAnswer: FuzzTarget = {
  name: "reader of rspamd's answers",
  shortCount: 10_000,
  tryOne(chance) {
    const text = made(chance, RSPAMD);
    const read = readOrRefused(readRspamdAnswer, text);
    if (read === undefined) return;
    const said = JSON.parse(text) as Record<string, unknown>;
    assert.ok(Number.isFinite(read.score) && Number.isFinite(read.threshold), "numbers");
    assert.deepEqual(
      [read.score, read.threshold, read.action],
      [said["score"], said["required_score"], said["action"]],
    );
    for (const { score, options } of read.symbols.values()) assert.ok(Number.isFinite(score) && Array.isArray(options));
    assert.deepEqual([...read.symbols.keys()], Object.keys((said["symbols"] ?? {}) as object));
  },
};
