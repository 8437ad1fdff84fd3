import type { Chance } from "../fuzz/chance.ts";

type Data = { readonly [Type in "A" | "AAAA" | "MX" | "PTR"]?: readonly string[] } & {
  readonly TXT?: readonly (readonly string[])[];
};
type Entry = Data | { readonly CNAME: string } | "SERVFAIL";
export type Zone = Readonly<Record<string, Entry>>;

/** What SPF is asked, and the DNS it is asked about. */
export interface SpfCase {
  readonly zone: Zone;
  readonly client: string;
  readonly sender: string;
  readonly helo: string;
}

const CLIENTS = ["192.0.2.7", "192.0.2.200", "198.51.100.1", "2001:db8::7", "2001:db8:1::1"] as const;
const DOMAINS = ["a.test", "b.test", "c.test", "d.a.test", "e.test"] as const;
const HOSTS = ["h1.a.test", "h2.a.test", "h3.test", "h4.test", "none.test", "x.none.test"] as const;

const reversed = (address: string): string => {
  if (!address.includes(":")) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  const [left = "", right = ""] = address.split("::");
  const l = left
    .split(":")
    .filter(Boolean)
    .map((g) => g.padStart(4, "0"));
  const r = right
    .split(":")
    .filter(Boolean)
    .map((g) => g.padStart(4, "0"));
  const all = [...l, ...Array.from({ length: 8 - l.length - r.length }, () => "0000"), ...r].join("");
  return `${[...all].reverse().join(".")}.ip6.arpa`;
};

const TARGETS = [
  ...DOMAINS,
  ...HOSTS,
  "%{d}",
  "h1.%{d}",
  "%{o}",
  "%{h}",
  "%{d2}",
  "%{dr}.test",
  "%{l}.a.test",
  "%{l1r-}.a.test",
  "%{i}.x.test",
  "%{ir}.%{v}.x.test",
  "%{p}",
  "%{s}.x.test",
  "%{L}.%{O1}",
  "a%%b.test",
  "%{d1r}.test",
] as const;
const FAULTS = [
  "a:",
  "a:/24",
  "ip4:",
  "ip4:192.0.2",
  "ip4:192.0.2.1/33",
  "ip4:192.0.2.0/024",
  "ip6:2001:db8::/129",
  "ip6:192.0.2.1",
  "ip4:2001:db8::7",
  "a/33",
  "a//129",
  "mx/",
  "include",
  "include:",
  "exists:",
  "all:x",
  "all/8",
  "foo",
  "foo:bar",
  "%{x}",
  "a:%{z}.test",
  "a:%",
  "a:x%y.test",
  "redirect=",
  "a:h1",
  "ptr/24",
  "ip4=192.0.2.7",
  "a:h1.a.test.",
  "a:-.test",
  "exp=",
  "a:.test",
  "a:a..test",
  "--all",
  "a:h1.a.test/24/64",
  "a:%{d}%{",
  "include:b.test/24",
] as const;

function cidr(chance: Chance): string {
  return chance.oneIn(3) ? chance.pick(["/24", "/32", "/0", "/16", "//64", "/24//64", "//0", "//128", "/8//32"]) : "";
}

function term(chance: Chance): string {
  const sign = chance.pick(["", "", "+", "-", "~", "?"]);
  const target = (): string => (chance.oneIn(3) ? chance.pick(TARGETS) : chance.pick([...DOMAINS, ...HOSTS]));
  const name = (word: string): string => (chance.oneIn(12) ? word.toUpperCase() : word);
  switch (chance.integer(14)) {
    case 0:
    case 1:
      return `${sign}${name("a")}${chance.oneIn(3) ? "" : `:${target()}`}${cidr(chance)}`;
    case 2:
    case 3:
      return `${sign}${name("mx")}${chance.oneIn(3) ? "" : `:${target()}`}${cidr(chance)}`;
    case 4:
      return `${sign}${name("ptr")}${chance.oneIn(2) ? "" : `:${target()}`}`;
    case 5:
    case 6:
      return `${sign}${name("include")}:${chance.oneIn(3) ? target() : chance.pick(DOMAINS)}`;
    case 7:
      return `${sign}${name("exists")}:${target()}`;
    case 8:
    case 9:
      return `${sign}${name("ip4")}:${chance.pick(["192.0.2.0/24", "192.0.2.7", "198.51.100.0/25", "203.0.113.1", "0.0.0.0/0", "192.0.2.200/31", "192.0.2.128/25"])}`;
    case 10:
      return `${sign}${name("ip6")}:${chance.pick(["2001:db8::/32", "2001:db8::7", "2001:DB8:1::/48", "::/0", "::ffff:192.0.2.7", "2001:db8:0:0::/64"])}`;
    case 11:
      return chance.oneIn(2)
        ? `redirect=${chance.oneIn(2) ? target() : chance.pick(DOMAINS)}`
        : chance.pick(["exp=e.test", "x-y=z", "foo=%{d}", "m_1.2-=", "ZZ=postmaster"]);
    case 12:
      return `${sign}all`;
    default:
      return chance.oneIn(4) ? sign + chance.pick(FAULTS) : `${sign}${chance.pick(["a", "mx"])}:${chance.pick(HOSTS)}`;
  }
}

function record(chance: Chance): string {
  let text = chance.oneIn(20) ? chance.pick(["V=SPF1", "v=spf1 ", "v=spf10", "v=spf1\t", " v=spf1"]) : "v=spf1";
  for (let count = chance.integer(chance.oneIn(6) ? 14 : 5); count > 0; count--)
    text += chance.pick([" ", " ", " ", "  "]) + term(chance);
  return text + chance.pick(["", " -all", " ~all", " ?all", " ", " all"]);
}

const some = <T>(chance: Chance, most: number, make: () => T): T[] =>
  Array.from({ length: chance.integer(most + 1) }, make);

export function randomSpf(chance: Chance): SpfCase {
  const zone: Record<string, Entry> = {};
  for (const domain of DOMAINS) {
    const entry = {
      ...(chance.oneIn(8)
        ? {}
        : {
            TXT: [
              ...(chance.oneIn(4) ? [["other"]] : []),
              split(chance, record(chance)),
              ...(chance.oneIn(25) ? [split(chance, record(chance))] : []),
            ],
          }),
      ...addresses(chance),
      ...(chance.oneIn(2)
        ? { MX: some(chance, 3, () => `${chance.integer(50)} ${chance.pick([...HOSTS, ...DOMAINS])}`) }
        : {}),
    };
    zone[domain] = chance.oneIn(30) ? "SERVFAIL" : chance.oneIn(25) ? { CNAME: "e.test" } : entry;
  }
  for (const host of HOSTS.slice(0, 4))
    zone[host] = chance.oneIn(20) ? "SERVFAIL" : chance.oneIn(12) ? { CNAME: "h4.test" } : addresses(chance);
  zone["h4.test"] = addresses(chance);
  const last = zone["e.test"];
  if (chance.oneIn(2) || (typeof last === "object" && "CNAME" in last))
    zone["e.test"] = { TXT: [["why"]], ...addresses(chance) };
  for (const client of CLIENTS)
    if (chance.oneIn(2))
      zone[reversed(client)] = chance.oneIn(10)
        ? "SERVFAIL"
        : { PTR: some(chance, chance.oneIn(8) ? 12 : 3, () => chance.pick([...HOSTS, ...DOMAINS])) };
  for (const name of ["192.0.2.7.x.test", "7.2.0.192.in-addr.x.test", "joe.a.test", "joe@a.test.x.test"])
    if (chance.oneIn(2)) zone[name] = { A: ["127.0.0.2"] };
  const domain = chance.pick(DOMAINS);
  return {
    zone,
    client: chance.pick(CLIENTS),
    sender: chance.oneIn(10)
      ? ""
      : `${chance.pick(["joe", "joe", "Joe-Doe", "a.b", "j+x"])}@${chance.oneIn(10) ? chance.pick(HOSTS) : domain}`,
    helo: chance.pick(["a.test", "h1.a.test", "b.test", "none.test"]),
  };
}

const addresses = (chance: Chance): { A?: string[]; AAAA?: string[] } => ({
  ...(chance.oneIn(2) ? { A: [chance.pick(["192.0.2.7", "192.0.2.9", "198.51.100.1", "203.0.113.9"])] } : {}),
  ...(chance.oneIn(3) ? { AAAA: [chance.pick(["2001:db8::7", "2001:db8:1::1", "2001:db8:2::1"])] } : {}),
});

function split(chance: Chance, text: string): string[] {
  if (!chance.oneIn(4)) return [text];
  const at = chance.integer(text.length + 1);
  return [text.slice(0, at), text.slice(at)];
}
