import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deadlines } from "../src/deadlines.ts";

const MINUTE_MS = 60_000;
const limits = { receiveTimeoutMs: 5 * MINUTE_MS, transactionTimeoutMs: 60 * MINUTE_MS };
const idle = { isHandshaking: false, isContent: false, isInTransaction: false };
const inContent = { isHandshaking: false, isContent: true, isInTransaction: true };

interface Row {
  readonly name: string;
  readonly doing: typeof idle;
  /** Minutes since the client began with what it does, and since it has sent something. */
  readonly minutes: number;
  readonly silent?: number;
  readonly octets?: number;
  readonly want: string | undefined;
}

const rows: readonly Row[] = [
  { name: "a silent client has five minutes", doing: idle, minutes: 5, silent: 5, want: undefined },
  { name: "and not more", doing: idle, minutes: 6, silent: 5.1, want: "SMTP command timeout" },
  {
    name: "in content, too",
    doing: inContent,
    minutes: 6,
    silent: 5.1,
    octets: 1e6,
    want: "SMTP incoming data timeout",
  },
  {
    name: "a handshake has one",
    doing: { ...idle, isHandshaking: true },
    minutes: 1.1,
    silent: 1.1,
    want: "SMTP command timeout",
  },
  { name: "content may be slow for a minute", doing: inContent, minutes: 1, octets: 1, want: undefined },
  {
    name: "then it needs 1,024 octets a minute",
    doing: inContent,
    minutes: 2,
    octets: 2_047,
    want: "SMTP incoming data too slow",
  },
  { name: "and is taken with them", doing: inContent, minutes: 2, octets: 2_048, want: undefined },
  {
    name: "what was fast at first must not stop",
    doing: inContent,
    minutes: 50,
    octets: 51_199,
    want: "SMTP incoming data too slow",
  },
  {
    name: "commands of a transaction need no rate",
    doing: { ...inContent, isContent: false },
    minutes: 50,
    want: undefined,
  },
  {
    name: "a transaction ends in an hour",
    doing: inContent,
    minutes: 61,
    octets: 1e9,
    want: "SMTP transaction timeout",
  },
];

describe("a client's deadlines", () => {
  for (const { name, doing, minutes, silent = 0, octets = 0, want } of rows) {
    test(name, () => {
      const deadlines = new Deadlines(1_000);
      deadlines.beginTransaction(1_000);
      deadlines.beginContent(1_000);
      deadlines.noteContent(octets);
      const nowMs = 1_000 + minutes * MINUTE_MS;
      deadlines.lastInputMs = nowMs - silent * MINUTE_MS;
      assert.equal(deadlines.expired(nowMs, limits, doing), want);
    });
  }

  test("0 is no limit for silence; a handshake has its minute all the same", () => {
    const deadlines = new Deadlines(0);
    const none = { ...limits, receiveTimeoutMs: 0 };
    assert.equal(deadlines.expired(59 * MINUTE_MS, none, idle), undefined);
    assert.equal(deadlines.expired(1.1 * MINUTE_MS, none, { ...idle, isHandshaking: true }), "SMTP command timeout");
  });
});
