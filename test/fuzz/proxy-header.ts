import assert from "node:assert/strict";
import { isIP } from "node:net";
import { type ProxyHeader, parseProxyHeader } from "@postbus/smtp";
import { bufferOf, type Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4 = "\xc0\0\x02\x01\xc6\x33\x64\x01\x0f\xa0\0\x19";
const V6 = ` \x01\x0d\xb8${"\0".repeat(11)}\x01 \x01\x0d\xb8${"\0".repeat(11)}\x02\x0f\xa0\0\x19`;
const LINES = [
  "PROXY TCP4 192.0.2.1 198.51.100.1 4000 25\r\n",
  "PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n",
  "PROXY TCP6 ::ffff:192.0.2.1 ::1 65535 1\r\n",
  "PROXY UNKNOWN\r\n",
  "PROXY UNKNOWN what ever\r\n",
] as const;
const TOKENS = [
  " ",
  "\r\n",
  "\r",
  "\n",
  "\0",
  "TCP4",
  "TCP6",
  "PROXY ",
  "UNKNOWN",
  "0",
  "65536",
  "+25",
  "%eth0",
  "::",
  ".",
  "x".repeat(90),
  SIGNATURE,
  "\x21\x11",
  "\x20",
] as const;
/** More than any header may have (PROXY protocol §2.2: 65,535 octets behind the first 16). */
const MOST_CONSUMED = 65_551;
/** So many octets always suffice to know. */
const MOST_NEEDED = 4_096;

/** The parser of PROXY headers ("The PROXY protocol, versions 1 & 2"). */
export const proxyHeader: FuzzTarget = {
  name: "PROXY parser",
  shortCount: 30_000,
  tryOne(chance) {
    const isLine = chance.oneIn(2);
    const good = isLine ? chance.pick(LINES) : binary(chance);
    const text = chance.oneIn(6) ? good : chance.oneIn(10) ? chance.octets(120) : chance.spoilt(good, TOKENS);
    const input = bufferOf(text + (chance.oneIn(2) ? "EHLO a\r\n" : ""));
    const parsed = parseProxyHeader(input);
    if (parsed.kind === "incomplete") {
      assert.ok(input.length < MOST_NEEDED);
      const filled = Buffer.concat([input, Buffer.alloc(MOST_NEEDED, chance.pick(TOKENS))]);
      assert.notEqual(parseProxyHeader(filled).kind, "incomplete", "it never asks for more");
      return;
    }
    assert.ok(parsed.consumed > 0 && parsed.consumed <= MOST_CONSUMED, "what it takes");
    if (parsed.kind === "done") {
      assert.ok(parsed.consumed <= input.length);
      assert.deepEqual(seen(parsed.header), expected(input, parsed.consumed), "what it says");
    }
    const part = parseProxyHeader(input.subarray(0, chance.integer(input.length)));
    if (part.kind !== "incomplete") assert.deepEqual(part, parsed, "what it says of a beginning it says of the whole");
  },
};

/** A binary header, most of its parts in order. */
function binary(chance: Chance): string {
  const command = chance.pick(["\x21", "\x21", "\x21", "\x20", "\x11", "\x2f"]);
  const [family, addresses] = chance.pick([
    ["\x11", V4],
    ["\x21", V6],
    ["\0", ""],
    ["\x31", "u".repeat(216)],
  ]);
  let tlvs = "";
  for (let count = chance.integer(4); count > 0; count--) {
    const value = chance.oneIn(20) ? "x".repeat(5_000) : chance.octets(40);
    tlvs += chance.pick(["\x01", "\x02", "\x03", "\x05", "\x20", "\xea"]) + twoOctets(value.length) + value;
  }
  const body = addresses + tlvs;
  return SIGNATURE + command + family + twoOctets(chance.oneIn(12) ? chance.integer(65_536) : body.length) + body;
}

const twoOctets = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);

/** Ends of the connection, octet by octet. */
interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly ports: readonly [number, number];
}

function seen(header: ProxyHeader): Ends | "local" {
  if (header.command === "local") return "local";
  const { source, destination, details } = header;
  for (const { address } of [source, destination]) assert.ok(isIP(address) !== 0 && !address.includes("%"), address);
  assert.ok((details.uniqueId ?? "").length <= 128 && (details.authority ?? "").length <= 255);
  return {
    source: octetsOf(source.address),
    destination: octetsOf(destination.address),
    ports: [source.port, destination.port],
  };
}

/** The same read in another way: straight from what the protocol's description says of each octet. */
function expected(input: Buffer, consumed: number): Ends | "local" {
  const text = input.toString("latin1", 0, consumed);
  if (text.startsWith("PROXY ")) {
    const [, family = "", source = "", destination = "", from, to] = text.slice(0, -2).split(" ");
    if (family === "UNKNOWN") return "local";
    return { source: octetsOf(source), destination: octetsOf(destination), ports: [Number(from), Number(to)] };
  }
  assert.equal(consumed, 16 + input.readUInt16BE(14));
  if (input.readUInt8(12) === 0x20 || input.readUInt8(13) === 0) return "local";
  const width = input.readUInt8(13) === 0x11 ? 4 : 16;
  const at = 16 + 2 * width;
  return {
    source: input.toString("hex", 16, 16 + width),
    destination: input.toString("hex", 16 + width, at),
    ports: [input.readUInt16BE(at), input.readUInt16BE(at + 2)],
  };
}

/** An address as hexadecimal digits. */
function octetsOf(address: string): string {
  const [, front = address, v4] = /^(.*:)([0-9.]+\.[0-9]+)$/.exec(address) ?? [];
  const hex = (text: string): string =>
    text
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("");
  if (!address.includes(":")) return hex(address);
  const tail = v4 === undefined ? "" : hex(v4);
  const whole = v4 === undefined ? front : `${front}${tail.slice(0, 4)}:${tail.slice(4)}`;
  const [left = "", right] = whole.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":").map((part) => part.padStart(4, "0")));
  const ends = [groups(left), groups(right ?? "")] as const;
  const gap = new Array<string>(right === undefined ? 0 : 8 - ends[0].length - ends[1].length).fill("0000");
  return [...ends[0], ...gap, ...ends[1]].join("").toLowerCase();
}
