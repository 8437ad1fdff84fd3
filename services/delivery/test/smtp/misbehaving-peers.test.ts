import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AttemptResult } from "@postbus/queue";
import { type PeerAction, type PeerMoment, type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import { Rig, type SendOptions, shown, smtpTransport } from "./rig.ts";

const KEYWORDS = ["PIPELINING", "SIZE", "8BITMIME"];

/** Whose fault it is; `message` and `recipient` leave the host's other mail alone. */
type Fault = "host" | "message" | "recipient" | "nobody";

interface Row {
  readonly name: string;
  readonly at: PeerMoment;
  readonly do: PeerAction;
  readonly keywords?: readonly string[];
  readonly send?: SendOptions;
  readonly fault: Fault;
  /** The result of the first recipient. */
  readonly want: RegExp;
}

const faultOf = (result: AttemptResult | undefined): Fault => {
  if (result?.outcome === "delivered") return "nobody";
  if (result?.outcome === "deferred" && result.isHostError) return "host";
  return result?.outcome === "deferred" && result.errno === -44 ? "recipient" : "message";
};

const MEGABYTE = "x".repeat(1_000_000);
const endless = (code: number) => ({ raw: `${code}-more\r\n`.repeat(150_000) });
const eai: SendOptions = { recipients: ["\xc3\xb6@b.test"], item: { smtpUtf8: true } };
const late = (where: string) => new RegExp(`^deferred \\(110\\) H=127.* SMTP timeout after ${where}`);
const malformed = (where: string) =>
  new RegExp(`^deferred \\(-19\\) H=127.* Malformed SMTP reply .*in response to ${where}`);
const closed = (where: string) =>
  new RegExp(`^deferred \\(-18\\) H=127.* Remote host closed connection in response to ${where}`);

/** Each phase of a session, each way to fail in it. */
const rows: readonly Row[] = [
  { name: "greeting: none", at: "connect", do: { do: "stall" }, fault: "host", want: late("initial connection") },
  {
    name: "greeting: 554",
    at: "connect",
    do: "554 no",
    fault: "message",
    want: /^failed .*after initial connection: 554 no$/,
  },
  {
    name: "greeting: a megabyte",
    at: "connect",
    do: { raw: `220 ${MEGABYTE}` },
    fault: "host",
    want: malformed("initial connection"),
  },
  {
    name: "greeting: 220- for ever",
    at: "connect",
    do: endless(220),
    fault: "host",
    want: malformed("initial connection"),
  },
  { name: "greeting: code 000", at: "connect", do: "000 hi", fault: "host", want: malformed("initial connection") },
  { name: "greeting: code 999", at: "connect", do: "999 hi", fault: "host", want: malformed("initial connection") },
  {
    name: "greeting: HTTP",
    at: "connect",
    do: "HTTP/1.1 400 Bad Request",
    fault: "host",
    want: malformed("initial connection"),
  },
  { name: "greeting: an empty line", at: "connect", do: "", fault: "host", want: malformed("initial connection") },
  { name: "greeting: no text", at: "connect", do: "220", fault: "nobody", want: /^delivered/ },
  { name: "greeting: bare LF", at: "connect", do: { raw: "220-a\n220 b\n" }, fault: "nobody", want: /^delivered/ },
  {
    name: "greeting: half of it, then nothing",
    at: "connect",
    do: { raw: "220 hal" },
    fault: "host",
    want: late("initial connection"),
  },
  {
    name: "greeting: codes that differ",
    at: "connect",
    do: "220-a\n250 b",
    fault: "host",
    want: malformed("initial connection"),
  },
  { name: "EHLO: 250 without text", at: "EHLO", do: "250", fault: "nobody", want: /^delivered/ },
  { name: "EHLO: 250- for ever", at: "EHLO", do: endless(250), fault: "host", want: malformed("EHLO mx.a.test") },
  { name: "EHLO: closed", at: "EHLO", do: { do: "cut" }, fault: "host", want: closed("EHLO mx.a.test") },
  {
    name: "EHLO: 421",
    at: "EHLO",
    do: { reply: "421 bye", close: true },
    fault: "host",
    want: /^deferred \(0\).*after EHLO mx\.a\.test: 421 bye$/,
  },
  { name: "MAIL: stalled", at: "MAIL", do: { do: "stall" }, fault: "message", want: late("pipelined MAIL") },
  { name: "MAIL: closed", at: "MAIL", do: { do: "cut" }, fault: "host", want: closed("pipelined MAIL") },
  {
    name: "MAIL: 10 MB of 450",
    at: "MAIL",
    do: { raw: `450-${"y".repeat(1000)}\r\n`.repeat(10_000) },
    fault: "host",
    want: malformed("pipelined MAIL"),
  },
  {
    name: "MAIL: 552 for SIZE",
    at: "MAIL",
    do: "552 5.3.4 too large",
    fault: "message",
    want: /^failed .*after pipelined MAIL FROM:<s@a\.test> SIZE=1045.*: 552 5\.3\.4 too large$/,
  },
  { name: "RCPT: stalled", at: "RCPT", do: { do: "stall" }, fault: "message", want: late("RCPT TO:<r@b.test>") },
  {
    name: "RCPT: 450",
    at: "RCPT",
    do: "450 later",
    fault: "recipient",
    want: /^deferred \(-44\).*after RCPT TO:<r@b\.test>: 450 later$/,
  },
  {
    name: "RCPT: bare CR in the reply",
    at: "RCPT",
    do: { raw: "550 a\rb\r\n" },
    fault: "message",
    want: /^failed .*: 550 a\\rb$/,
  },
  {
    name: "RCPT: 8-bit octets",
    at: "RCPT",
    do: { raw: "550 \xe4\x00\r\n" },
    fault: "message",
    want: /^failed .*: 550 \\344\\000$/,
  },
  { name: "DATA: 250 instead of 354", at: "DATA", do: "250 ok", fault: "host", want: malformed("pipelined DATA") },
  {
    name: "DATA: 421",
    at: "DATA",
    do: { reply: "421 bye", close: true },
    fault: "message",
    want: /^deferred \(-46\).*after pipelined DATA: 421 bye$/,
  },
  {
    name: "DATA: closed, though a recipient was taken",
    at: "DATA",
    do: { do: "cut" },
    fault: "host",
    want: closed("pipelined DATA"),
  },
  {
    name: "DATA: replies split into octets",
    at: "DATA",
    do: { raw: "3" },
    fault: "host",
    want: late("pipelined DATA"),
  },
  {
    name: "end of data: stalled",
    at: "end of data",
    do: { do: "stall" },
    fault: "message",
    want: late("end of data \\(21 bytes written\\)"),
  },
  { name: "end of data: closed", at: "end of data", do: { do: "cut" }, fault: "message", want: closed("end of data") },
  {
    name: "end of data: 4xx with ten megabytes",
    at: "end of data",
    do: { raw: `451-${"y".repeat(1000)}\r\n`.repeat(10_000) },
    fault: "host",
    want: malformed("end of data"),
  },
  {
    name: "end of data: 354 again",
    at: "end of data",
    do: "354 more",
    fault: "message",
    want: /^deferred \(-46\).*354 more$/,
  },
  {
    name: "more replies than commands",
    at: "MAIL",
    do: { raw: "250 a\r\n250 b\r\n250 c\r\n" },
    fault: "host",
    want: malformed("pipelined DATA"),
  },
  {
    name: "EAI mail for a host without SMTPUTF8",
    at: "other",
    do: "250 ok",
    send: eai,
    fault: "message",
    want: /^failed .*utf8 support required but not offered/,
  },
  {
    name: "8-bit content for a host without 8BITMIME",
    at: "other",
    do: "250",
    keywords: ["PIPELINING"],
    send: { item: { eightBit: true } },
    fault: "nobody",
    want: /^delivered/,
  },
  {
    name: "EHLO: stalled",
    at: "EHLO",
    do: { do: "stall" },
    fault: "host",
    want: late("EHLO mx.a.test"),
  },
  {
    name: "STARTTLS: stalled",
    at: "STARTTLS",
    do: { do: "stall" },
    keywords: [...KEYWORDS, "STARTTLS"],
    fault: "host",
    want: late("STARTTLS"),
  },
  {
    name: "STARTTLS: closed",
    at: "STARTTLS",
    do: { do: "cut" },
    keywords: [...KEYWORDS, "STARTTLS"],
    fault: "host",
    want: closed("STARTTLS"),
  },
  {
    name: "STARTTLS: taken, and then clear text",
    at: "STARTTLS",
    do: { raw: "220 go\r\n" },
    keywords: [...KEYWORDS, "STARTTLS"],
    fault: "nobody",
    want: /^delivered/,
  },
  {
    name: "STARTTLS: 421",
    at: "STARTTLS",
    do: { reply: "421 going", close: true },
    keywords: [...KEYWORDS, "STARTTLS"],
    fault: "host",
    want: /./,
  },
  {
    name: "MAIL: 421",
    at: "MAIL",
    do: { reply: "421 going", close: true },
    fault: "message",
    want: /^deferred \(-45\) H=127.* after pipelined MAIL FROM:\S+ SIZE=\d+: 421 going$/,
  },
  { name: "RCPT: closed", at: "RCPT", do: { do: "cut" }, fault: "host", want: closed("pipelined RCPT TO:<r@b.test>") },
  {
    name: "RCPT: 421",
    at: "RCPT",
    do: { reply: "421 going", close: true },
    fault: "recipient",
    want: /^deferred \(-44\) H=127.* after RCPT TO:<r@b.test>: 421 going$/,
  },
  {
    name: "RCPT: no reply, but one to DATA",
    at: "RCPT",
    do: { raw: "" },
    fault: "recipient",
    want: /^deferred \(-44\) H=127.* 354 go/,
  },
  { name: "DATA: stalled", at: "DATA", do: { do: "stall" }, fault: "host", want: late("pipelined DATA") },
  { name: "content: closed", at: "content", do: { do: "cut" }, fault: "message", want: /./ },
  { name: "content: stalled", at: "content", do: { do: "stall" }, fault: "message", want: late("end of data") },
  {
    name: "end of data: 421",
    at: "end of data",
    do: { reply: "421 going", close: true },
    fault: "message",
    want: /^deferred \(-46\) H=127.* after end of data: 421 going$/,
  },
  { name: "QUIT: stalled", at: "QUIT", do: { do: "stall" }, fault: "nobody", want: /^delivered/ },
  {
    name: "DSN wanted of a host without it",
    at: "other",
    do: "250",
    send: { item: { notification: { ret: "HDRS" } } },
    fault: "nobody",
    want: /^delivered/,
  },
  {
    name: "CHUNKING offered, BDAT unknown",
    at: "BDAT",
    do: "500 unknown",
    keywords: [...KEYWORDS, "CHUNKING"],
    fault: "message",
    want: /^failed .*after pipelined end of data: 500 unknown$/,
  },
  {
    name: "BDAT: stalled",
    at: "BDAT",
    do: { do: "stall" },
    keywords: [...KEYWORDS, "CHUNKING"],
    fault: "message",
    want: late("pipelined end of data \\(21 bytes written\\)"),
  },
  {
    name: "BDAT: closed",
    at: "BDAT",
    do: { do: "cut" },
    keywords: [...KEYWORDS, "CHUNKING"],
    fault: "message",
    want: closed("pipelined end of data"),
  },
  {
    name: "STARTTLS: offered in clear and refused",
    at: "STARTTLS",
    do: "502 no",
    keywords: [...KEYWORDS, "STARTTLS"],
    fault: "nobody",
    want: /^delivered/,
  },
  {
    name: "STARTTLS: words behind the reply",
    at: "STARTTLS",
    do: { raw: "220 go\r\n250 injected\r\n" },
    keywords: [...KEYWORDS, "STARTTLS"],
    fault: "nobody",
    want: /^delivered/,
  },
];

describe("peers that misbehave: whose fault it is, with an end in time and within bounds", () => {
  for (const row of rows) {
    test(row.name, async () => {
      await using rig = new Rig();
      const { at, do: action, keywords = KEYWORDS } = row;
      const options: SmtpPeerOptions = {
        keywords,
        answer: ({ moment }) => (moment === at ? action : undefined),
      };
      await using peer = await startSmtpPeer(options);
      const before = process.memoryUsage().rss;
      const { results } = await rig.deliver(smtpTransport(peer.port), row.send);
      assert.match(shown(results[0]), row.want);
      assert.equal(faultOf(results[0]), row.fault, shown(results[0]));
      const longest = Math.max(...Object.values(results[0] ?? {}).map((value) => String(value).length));
      assert.ok(longest < 2_000, `${longest} octets of a peer's words`);
      // What a peer of our own process holds to send is part of this.
      assert.ok(process.memoryUsage().rss - before < 200_000_000);
      assert.equal(rig.pool.openCount <= 1, true);
    });
  }
});
