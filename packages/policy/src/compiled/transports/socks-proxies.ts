import { isIP } from "node:net";
import { DeferError } from "@postbus/mail";
import { splitList } from "../../matching/split-list.ts";
import { readTime } from "../../reader/option-value.ts";
import { ValueError } from "../../reader/value-error.ts";
import type { SocksProxy } from "./smtp-transport.ts";

/** The port of RFC 1928. */
const PORT = 1080;
const TIMEOUT_MS = 5_000;
/** More than anybody has. */
const MAX_PROXIES = 32;

/**
 * `socks_proxy`: a list of servers, each an IP address with options behind it (Exim's manual, "SOCKS").
 *
 * @throws {DeferError} it cannot be read.
 */
export function socksProxies(text: string): readonly SocksProxy[] {
  const proxies = Array.from(splitList(text).items, socksProxy);
  if (proxies.length > MAX_PROXIES) throw problem(`more than ${MAX_PROXIES} proxies`);
  return proxies;
}

function socksProxy(item: string): SocksProxy {
  const [address = "", ...words] = item.split(/[ \t]+/);
  if (isIP(address) === 0) throw problem(`"${address}" is no IP address`);
  const options = new Map(words.map(pair));
  const auth = options.get("auth") ?? "none";
  if (auth !== "none" && auth !== "name") throw problem(`"auth=${auth}"`);
  const name = options.get("name") ?? "";
  const password = options.get("pass") ?? "";
  // RFC 1929 §2: each has one octet for its length.
  if (name.length > 255 || password.length > 255) throw problem("name or password of more than 255 octets");
  return {
    address,
    port: number(options, "port", PORT, 65_535),
    login: auth === "name" ? { name, password } : undefined,
    timeoutMs: time(options.get("tmo")),
    priority: number(options, "pri", 1, 1_000_000),
    weight: number(options, "weight", 1, 1_000_000),
  };
}

const NAMES: ReadonlySet<string> = new Set(["auth", "name", "pass", "port", "tmo", "pri", "weight"]);

function pair(word: string): readonly [string, string] {
  const [, name = word, value = ""] = /^([a-z]+)=(.*)$/s.exec(word) ?? [];
  if (!NAMES.has(name)) throw problem(`"${name}" is no option of a proxy`);
  return [name, value];
}

function number(options: ReadonlyMap<string, string>, name: string, usual: number, most: number): number {
  const text = options.get(name);
  const value = text === undefined ? usual : /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw problem(`"${name}=${text}"`);
  return value;
}

function time(text: string | undefined): number {
  if (text === undefined) return TIMEOUT_MS;
  try {
    return /^[0-9]{1,6}$/.test(text) ? Number(text) * 1000 : readTime(text);
  } catch (err) {
    if (err instanceof ValueError) throw problem(`"tmo=${text}"`);
    throw err;
  }
}

const problem = (text: string): DeferError => new DeferError("smtp", `socks_proxy: ${text}`);
