import assert from "node:assert/strict";
import { readClientHello } from "@postbus/tls";
import { bufferOf, type Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const TOKENS = [
  "\0",
  "\x01",
  "\xff",
  "\x16\x03\x01",
  "\x15\x03\x01\0\x02\x02\x50",
  "\xff\xff",
  "\0\0",
  "EHLO x\r\n",
  "\x16\x03\x01\0\0",
] as const;
/** What is larger than this is left to the TLS library. */
const MOST_NEEDED = 32_768;
/** Of a hello in single octets, however it is made: each look goes through all that has come. */
const MOST_LOOKS = 64;

/** The reader of a client's first TLS message (RFC 8446 §4.1.2, RFC 6066 §3). */
export const clientHello: FuzzTarget = {
  name: "reader of a client's hello",
  shortCount: 20_000,
  tryOne(chance) {
    const name = chance.oneIn(4) ? chance.octets(300) : chance.pick(["mx.test", "", "a\\", "/", "x".repeat(255)]);
    const good = inRecords(helloOf(chance, name), chance);
    const isGood = chance.oneIn(4);
    const input = bufferOf(isGood ? good.octets : chance.spoilt(good.octets, TOKENS));
    const whole = readClientHello(input);
    if (isGood && good.records <= 16) {
      assert.ok(whole !== "none" && "serverName" in whole, "a hello");
      assert.equal(whole.serverName, name);
      assert.deepEqual(whole.ciphers, [0x1301]);
    }
    if (whole !== "none" && "needs" in whole) assertNeeds(whole.needs, input.length);
    if (whole !== "none" && "serverName" in whole) assert.ok((whole.serverName ?? "").length <= input.length);
    const cut = chance.integer(input.length);
    const part = readClientHello(input.subarray(0, cut));
    if (part !== "none" && "needs" in part) assertNeeds(part.needs, cut);
    else assert.deepEqual(part, whole, "what it says of a beginning it says of the whole");
    if (chance.oneIn(50)) assert.ok(looksAt(input) <= MOST_LOOKS, "looks at single octets");
  },
};

function assertNeeds(needs: number, have: number): void {
  assert.ok(needs > have && needs <= MOST_NEEDED, `${needs} octets wanted, ${have} there`);
}

/** How often it is looked at a hello that comes octet by octet. */
function looksAt(input: Buffer): number {
  let looks = 0;
  let needed = 1;
  while (needed <= input.length) {
    looks += 1;
    const hello = readClientHello(input.subarray(0, needed));
    if (hello === "none" || !("needs" in hello)) return looks;
    needed = hello.needs;
  }
  return looks;
}

/** A handshake message with a few extensions, one of them the name. */
function helloOf(chance: Chance, name: string): string {
  const extensions: string[] = [];
  const other = (): void => {
    for (let count = chance.integer(3); count > 0; count--) {
      // Versions, a ticket, the identity of a session.
      extensions.push(`\0${chance.pick(["\x2b", "\x23", "\x29"])}${sized(2, chance.octets(40))}`);
    }
  };
  other();
  extensions.push(`\0\0${sized(2, sized(2, `\0${sized(2, name)}`))}`);
  other();
  const body = `\x03\x03${"r".repeat(32)}${sized(1, chance.octets(32))}${sized(2, "\x13\x01")}${sized(1, "\0")}`;
  return `\x01${sized(3, body + sized(2, extensions.join("")))}`;
}

/** The text behind its length in so many octets. */
function sized(width: number, text: string): string {
  let length = "";
  for (let i = width - 1; i >= 0; i--) length += String.fromCharCode((text.length >> (8 * i)) & 0xff);
  return length + text;
}

function inRecords(message: string, chance: Chance): { readonly octets: string; readonly records: number } {
  const size = chance.oneIn(2) ? message.length : 1 + chance.integer(message.length);
  let octets = "";
  let records = 0;
  for (let at = 0; at < message.length; at += size) {
    octets += `\x16\x03\x01${sized(2, message.slice(at, at + size))}`;
    records += 1;
  }
  return { octets, records };
}
