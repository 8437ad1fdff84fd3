import assert from "node:assert/strict";
import { queryPacket } from "../../packages/dns/src/question.ts";
import type { RecordType } from "../../packages/dns/src/record.ts";
import { readResponse } from "../../packages/dns/src/response.ts";
import { bufferOf, type Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

/** RFC 1035 §3.2.2, RFC 3596, 2782, 6698, 7208. */
const TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  TLSA: 52,
  SPF: 99,
} as const;
const NAMES = ["q.example", "alias.example", "other.example", "a.b.c.d.e.example", "x"] as const;
const TOKENS = [
  "\0",
  "\xc0\x0c",
  "\xc0\0",
  "\xc0\xff",
  "\xff\xff",
  "\x3f",
  "\x80",
  "\0\x05\0\x01",
  "\0\x29",
  "\x40",
] as const;
/** Of what goes out as a name. */
const HOST = /^[!-~]{0,253}$/;

const wide = (value: number): string => String.fromCharCode((value >> 8) & 0xff, value & 0xff);
const nameOf = (name: string): string =>
  `${name
    .split(".")
    .map((label) => String.fromCharCode(label.length) + label)
    .join("")}\0`;

interface Made {
  readonly octets: string;
  /** What stands behind it in the answer; undefined: it is not of the type, or for another name. */
  readonly value: unknown;
}

/** A record, and what it says. */
function record(chance: Chance, type: RecordType, owner: string): Made {
  const host = chance.pick(NAMES);
  const byte = (): number => chance.integer(256);
  let data: string;
  let value: unknown;
  switch (type) {
    case "A": {
      const octets = [byte(), byte(), byte(), byte()];
      [data, value] = [String.fromCharCode(...octets), octets.join(".")];
      break;
    }
    case "TXT": {
      const strings = Array.from({ length: 1 + chance.integer(3) }, () => chance.octets(40));
      [data, value] = [strings.map((text) => String.fromCharCode(text.length) + text).join(""), strings];
      break;
    }
    case "MX": {
      const preference = chance.integer(65_536);
      [data, value] = [wide(preference) + nameOf(host), { preference, exchange: host }];
      break;
    }
    case "TLSA": {
      const certificate = chance.octets(40) || "x";
      const [usage, selector, matchingType] = [byte(), byte(), byte()];
      data = String.fromCharCode(usage, selector, matchingType) + certificate;
      value = { usage, selector, matchingType, certificate: bufferOf(certificate) };
      break;
    }
    default:
      [data, value] = [nameOf(host), host];
  }
  const ttl = chance.pick(["\0\0\0\x3c", "\0\0\0\0", "\xff\xff\xff\xff", "\x7f\xff\xff\xff"]);
  return { octets: nameOf(owner) + wide(TYPES[type]) + wide(1) + ttl + wide(data.length) + data, value };
}

/** The decoder of answers from name servers (RFC 1035 §4). */
export const dnsAnswer: FuzzTarget = {
  name: "DNS answer decoder",
  shortCount: 20_000,
  tryOne(chance) {
    const type = chance.pick(["A", "TXT", "MX", "PTR", "NS", "TLSA"] as const);
    const query = { ...queryPacket(chance.integer(65_536), "q.example", type), type };
    const records: Made[] = [];
    let owner = "q.example";
    let aliases = "";
    if (chance.oneIn(3)) {
      owner = "alias.example";
      const target = nameOf(owner);
      aliases = `${nameOf("q.example") + wide(5) + wide(1)}\0\0\0\x3c${wide(target.length)}${target}`;
    }
    for (let count = chance.integer(5); count > 0; count--) records.push(record(chance, type, owner));
    const extra = chance.oneIn(4) ? [record(chance, type, "stranger.example"), record(chance, "A", "x.example")] : [];
    const counts = wide(1) + wide(records.length + extra.length + (aliases === "" ? 0 : 1)) + wide(0) + wide(0);
    const question = nameOf("q.example") + wide(TYPES[type]) + wide(1);
    const body = question + aliases + [...records, ...extra].map(({ octets }) => octets).join("");
    const isAuthentic = chance.oneIn(2);
    const good = `${wide(query.id)}\x81${isAuthentic ? "\xa0" : "\x80"}${counts}${body}`;
    const read = (text: string, isTrusted: boolean) => readResponse(bufferOf(text), query, isTrusted);

    const isTrusted = chance.oneIn(2);
    const whole = read(good, isTrusted);
    assert.equal(whole.kind, "answer");
    if (whole.kind === "answer") {
      assert.equal(whole.answer.authenticated, isTrusted && isAuthentic);
      if (records.length === 0) assert.equal(whole.answer.state, "no data");
      else {
        assert.ok(whole.answer.state === "found");
        assert.deepEqual(
          whole.answer.records,
          records.map(({ value }) => value),
        );
        assert.equal(whole.answer.name, owner);
      }
    }

    const spoilt = chance.oneIn(3) ? good.slice(0, chance.integer(good.length)) : chance.spoilt(good, TOKENS);
    const answer = read(spoilt, false);
    if (spoilt.slice(0, 2) !== good.slice(0, 2)) assert.equal(answer.kind, "stray", "it has another number");
    if (answer.kind === "failure") assert.match(answer.reason, /\S/);
    if (answer.kind !== "answer") return;
    assert.equal(answer.answer.authenticated, false);
    assert.ok(answer.answer.ttlSeconds >= 0 && answer.answer.ttlSeconds <= 86_400);
    if (answer.answer.state !== "found") return;
    assert.match(answer.answer.name, HOST);
    assert.ok(answer.answer.records.length > 0 && answer.answer.records.length <= 512);
    for (const one of answer.answer.records) {
      if (type === "A") assert.match(String(one), /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/);
      else if (type === "PTR" || type === "NS") assert.match(String(one), HOST);
      else if (typeof one === "object" && "exchange" in one) assert.match(one.exchange, HOST);
      else if (Array.isArray(one)) assert.ok(one.join("").length <= spoilt.length);
    }
  },
};
