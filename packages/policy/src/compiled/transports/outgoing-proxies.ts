import { isIP } from "node:net";
import { DeferError } from "@postbus/mail";
import { splitList } from "../../matching/split-list.ts";
import { readTime } from "../../reader/option-value.ts";
import { ValueError } from "../../reader/value-error.ts";
import type { OutgoingProxy } from "./smtp-transport.ts";

/** The port of RFC 1928. */
const PORT = 1080;
const TIMEOUT_MS = 5_000;
/** More than anybody has. */
const MAX_PROXIES = 32;

type Protocol = OutgoingProxy["protocol"];

/** What the options are called that name proxies. */
const OPTIONS: Readonly<Record<Protocol, string>> = { socks: "socks_proxy", haproxy: "haproxy_egress" };

/** What may stand behind an address. */
const WORDS: Readonly<Record<Protocol, ReadonlySet<string>>> = {
  socks: new Set(["auth", "name", "pass", "port", "tmo", "pri", "weight"]),
  haproxy: new Set(["port", "tmo", "pri", "weight"]),
};

/**
 * `socks_proxy` (Exim's manual, "SOCKS") or `haproxy_egress`: a list of servers, each an IP address with options behind it.
 *
 * @throws {DeferError} it cannot be read, or there are both.
 */
export function outgoingProxies(texts: Readonly<Record<Protocol, string>>): readonly OutgoingProxy[] {
  const { socks, haproxy } = texts;
  if (socks !== "" && haproxy !== "") throw new DeferError("smtp", "socks_proxy and haproxy_egress exclude each other");
  if (socks === "" && haproxy === "") return [];
  const protocol = socks === "" ? "haproxy" : "socks";
  try {
    const proxies = Array.from(splitList(texts[protocol]).items, (item) => outgoingProxy(protocol, item));
    if (proxies.length > MAX_PROXIES) throw new ValueError(`more than ${MAX_PROXIES} proxies`);
    return proxies;
  } catch (err) {
    if (err instanceof ValueError) throw new DeferError("smtp", `${OPTIONS[protocol]}: ${err.message}`);
    throw err;
  }
}

function outgoingProxy(protocol: Protocol, item: string): OutgoingProxy {
  const [address = "", ...words] = item.split(/[ \t]+/);
  if (isIP(address) === 0) throw new ValueError(`"${address}" is no IP address`);
  const options = new Map(words.map((word) => pair(protocol, word)));
  if (protocol === "haproxy" && !options.has("port")) throw new ValueError(`${address} has no port=`);
  const auth = options.get("auth") ?? "none";
  if (auth !== "none" && auth !== "name") throw new ValueError(`"auth=${auth}"`);
  const name = options.get("name") ?? "";
  const password = options.get("pass") ?? "";
  // RFC 1929 §2: each has one octet for its length.
  if (name.length > 255 || password.length > 255) throw new ValueError("name or password of more than 255 octets");
  return {
    protocol,
    address,
    port: number(options, "port", PORT, 65_535),
    login: auth === "name" ? { name, password } : undefined,
    timeoutMs: time(options.get("tmo")),
    priority: number(options, "pri", 1, 1_000_000),
    weight: number(options, "weight", 1, 1_000_000),
  };
}

function pair(protocol: Protocol, word: string): readonly [string, string] {
  const [, name = word, value = ""] = /^([a-z]+)=(.*)$/s.exec(word) ?? [];
  if (!WORDS[protocol].has(name)) throw new ValueError(`"${name}" is no option of a proxy`);
  return [name, value];
}

function number(options: ReadonlyMap<string, string>, name: string, usual: number, most: number): number {
  const text = options.get(name);
  const value = text === undefined ? usual : /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new ValueError(`"${name}=${text}"`);
  return value;
}

function time(text: string | undefined): number {
  if (text === undefined) return TIMEOUT_MS;
  try {
    return /^[0-9]{1,6}$/.test(text) ? Number(text) * 1000 : readTime(text);
  } catch (err) {
    if (err instanceof ValueError) throw new ValueError(`"tmo=${text}"`);
    throw err;
  }
}
