/** A stream of numbers that is the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const WORDS = [
  ...[
    "a",
    "b",
    "abc",
    "Anna",
    "x y",
    "",
    " ",
    "0",
    "1",
    "7",
    "12",
    "-3",
    "5k",
    "1M",
    "007",
    "true",
    "no",
    "YES",
    "foo.bar",
  ],
  ...[
    "anna@shop.example",
    "Bob <bob@x.example>",
    "root",
    "a.shop.example",
    "shop.example",
    "bad.example",
    "\\x80\\xff",
  ],
  ...[
    "10.20.30.40",
    "10.20.0.1",
    "203.0.113.5",
    "2001:db8::1",
    "::1",
    "10.0.0.0/8",
    "caf\\xc3\\xa9",
    "tab\\there",
    "nl\\nx",
  ],
  ...[
    'key=value a=1 b="two words"',
    "mon:tue:wed",
    "3:1:2",
    "a: :b",
    "a::b:c",
    ":x",
    "<; q;r",
    'quote"d',
    "back\\\\slash",
  ],
  ...["sales", "support", "nobody", "eu.partner.example", "1d2h", "3600", '\\{"a":1,"b":[1,"x"]\\}', '[1,2,"three"]'],
];
const VARIABLES = [
  "$acl_m_a",
  "$acl_c0",
  "$primary_hostname",
  "$value",
  "$item",
  "$1",
  "$0",
  "$2",
  `\${acl_m_b}`,
  "$tls_in_bits",
];
const PATTERNS = [
  "b",
  "^a",
  "(a)(b)?",
  "\\N^(.)(.*)$\\N",
  "[a-c]+",
  "\\N\\d+\\N",
  "(?i)A",
  "x*",
  "\\N(\\w+)@(\\w+)\\N",
  "o$|e$",
  ".",
];
const STRING_TESTS = ["eq", "eqi", "lt", "lti", "le", "lei", "gt", "gti", "ge", "gei"];
const NUMBER_TESTS = ["=", "==", "<", "<=", ">", ">="];
const SIMPLE = [
  ...[
    "lc",
    "uc",
    "strlen",
    "base64",
    "base64d",
    "md5",
    "sha1",
    "sha256",
    "sha3_256",
    "sha2_384",
    "escape",
    "escape8bit",
  ],
  ...["hexquote", "quote", "quote_local_part", "rxquote", "address", "addresses", "domain", "local_part", "listcount"],
  ...["mask", "mask_n", "ipv6norm", "ipv6denorm", "reverse_ip", "time_eval", "time_interval", "rfc2047", "rfc2047d"],
  ...[
    "utf8clean",
    "str2b64",
    "hex2b64",
    "base62",
    "base62d",
    "base32",
    "base32d",
    "eval",
    "eval10",
    "expand",
    "length_3",
  ],
  ...[
    "l_2",
    "substr_1",
    "substr_-2",
    "substr_1_2",
    "s_-3_2",
    "hash_3",
    "hash_2_5",
    "h_4",
    "nhash_7",
    "nhash_5_9",
    "nh_3",
  ],
  ...[
    "quote_mysql",
    "quote_pgsql",
    "quote_sqlite",
    "quote_ldap",
    "quote_lsearch",
    "listnamed",
    "nosuch",
    "xtextd",
    "from_utf8",
  ],
];
const DOMAIN_LISTS = [
  "+ours",
  "*",
  "shop.example : !bad.example",
  "*.shop.example",
  "!+ours : *",
  "^a",
  "@",
  "a:b:abc",
  ":",
  "",
];
const ADDRESS_LISTS = [
  "+owners",
  "*@shop.example",
  "anna@*",
  "shop.example",
  "^root@",
  "!*@bad.example",
  "*",
  ":",
  "*@+ours",
];
const HOST_LISTS = ["+trusted", "10.0.0.0/8", "*", "!10.20.0.1 : 10.20.0.0/16", "<; 2001:db8::/32", "203.0.113.5", ":"];
const FIX = "@FIX@";

/** Makes expressions that are right most of the time; the same seed makes the same ones. */
export class Expressions {
  readonly #random: (below: number) => number;

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
  }

  next(): string {
    // What the tester would take for a definition is none with this in front.
    let text = "|";
    for (let parts = 1 + this.#random(3); parts > 0; parts--) text += this.#text(3);
    // Now and then something is missing.
    if (this.#random(25) !== 0) return text;
    const at = 1 + this.#random(text.length);
    return text.slice(0, at) + text.slice(at + 1);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random(from.length)] as T;
  }

  #text(depth: number): string {
    if (depth <= 0 || this.#random(3) === 0) return this.#random(4) === 0 ? this.#pick(VARIABLES) : this.#pick(WORDS);
    return this.#random(8) === 0 ? this.#text(depth - 1) + this.#text(depth - 1) : this.#pick(this.#forms)(depth - 1);
  }

  #operator = (depth: number): string => `\${${this.#pick(SIMPLE)}:${this.#text(depth)}}`;
  #branches(depth: number): string {
    const yes = (): string => this.#pick([`{${this.#text(depth)}}`, "{[$value]}", "{$1-$2}", "{y}"]);
    return this.#pick([`${yes()}{${this.#text(depth)}}`, `${yes()}{n}`, yes(), "", `${yes()}fail`]);
  }

  readonly #forms: ReadonlyArray<(depth: number) => string> = [
    this.#operator,
    this.#operator,
    this.#operator,
    (d) => `\${if ${this.#condition(d)}${this.#branches(d)}}`,
    (d) => `\${if ${this.#condition(d)}${this.#branches(d)}}`,
    (d) => `\${if ${this.#condition(d)} {y}{n} }`,
    (d) =>
      `\${extract{${this.#pick(["a", "b", "key", "1", "2", "-1", "0", this.#text(0)])}}{${this.#text(d)}}${this.#branches(d)}}`,
    (d) =>
      `\${extract{${this.#pick(["1", "2", "-1", "0", "9"])}}{${this.#pick([":", " ", ".@", "="])}}{${this.#text(d)}}${this.#branches(d)}}`,
    (d) => `\${extract json{${this.#pick(["a", "b", "1", "3"])}}{${this.#pick(WORDS.slice(-2))}}${this.#branches(d)}}`,
    (d) => `\${listextract{${this.#pick(["1", "2", "-1", "0", "5"])}}{${this.#text(d)}}${this.#branches(d)}}`,
    (d) => `\${map{${this.#text(d)}}{${this.#pick(["$item", "[$item]", `\${uc:$item}`, this.#text(d)])}}}`,
    (d) => `\${filter{${this.#text(d)}}{${this.#condition(d)}}}`,
    (d) =>
      `\${reduce{${this.#text(d)}}{${this.#text(0)}}{${this.#pick(["$value,$item", "$item", `\${length_9:$value$item}`])}}}`,
    () =>
      `\${sort{${this.#pick(["b:a:c", "3:1:20:2", "$acl_m_a:b", "A:a:b:B", "x:1:y:-2"])}}{${this.#pick(["lt", "gti", "lei", "<", ">="])}}{${this.#pick(["$item", `\${strlen:$item}`])}}}`,
    (d) => `\${sg{${this.#text(d)}}{${this.#pick(PATTERNS)}}{${this.#pick(["x", "", "<\\$0>", "\\$1", "\\$2\\$1"])}}}`,
    (d) => `\${tr{${this.#text(d)}}{${this.#text(0)}}{${this.#text(0)}}}`,
    (d) => `\${hmac{${this.#pick(["md5", "sha1"])}}{${this.#text(0)}}{${this.#text(d)}}}`,
    (d) => `\${listquote{${this.#pick([":", ",", "@"])}}{${this.#text(d)}}}`,
    (d) => `\${length{${this.#random(9)}}{${this.#text(d)}}}`,
    (d) => `\${substr{${this.#random(9) - 4}}{${this.#random(5)}}{${this.#text(d)}}}`,
    (d) => `\${hash{${this.#random(6)}}{${1 + this.#random(62)}}{${this.#text(d)}}}`,
    (d) =>
      `\${lookup{${this.#pick(["sales", "eu.partner.example", `x${this.#text(d)}`])}}${this.#pick(["lsearch", "lsearch*", "partial-lsearch", "lsearch*@"])}{${FIX}/${this.#pick(["aliases", "domains"])}}${this.#branches(d)}}`,
    (d) => `\${eval:${this.#arithmetic(d)}}`,
    (d) => `\${acl{${this.#pick(["hello", "refuse", "later", "nosuch"])}}{${this.#text(d)}}}`,
    (d) => `\${env{${this.#pick(["SITE_LABEL", "NOPE"])}}${this.#branches(d)}}`,
    (d) => `\${imapfolder{${this.#text(d)}}}`,
  ];

  #arithmetic(depth: number): string {
    if (depth <= 0) return this.#pick(["1", "2", "10", "0x1f", "017", "5k", "$acl_m_b", "-3", "~1", "(2)"]);
    const sign = this.#pick(["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", " + "]);
    const text = `${this.#arithmetic(depth - 1)}${sign}${this.#arithmetic(depth - 1)}`;
    return this.#random(4) === 0 ? `(${text})` : text;
  }

  #condition(depth: number): string {
    const isNegated = this.#random(6) === 0 ? "!" : "";
    return isNegated + this.#pick(this.#conditions)(depth - 1);
  }

  readonly #conditions: ReadonlyArray<(depth: number) => string> = [
    (d) => `${this.#pick(STRING_TESTS)}{${this.#text(d)}}{${this.#text(d)}}`,
    (d) => `${this.#pick(STRING_TESTS)}{${this.#text(d)}}{${this.#text(d)}}`,
    (d) => `${this.#pick(NUMBER_TESTS)}{${this.#text(d)}}{${this.#text(d)}}`,
    () =>
      `${this.#pick(NUMBER_TESTS)}{${this.#pick(["1", "5k", "-3", "007", ""])}}{${this.#pick(["1", "5120", "7", "0"])}}`,
    (d) => `match{${this.#text(d)}}{${this.#pick(PATTERNS)}}`,
    (d) => `and{${this.#group(d)}}`,
    (d) => `or{${this.#group(d)}}`,
    (d) => `bool{${this.#text(d)}}`,
    (d) => `bool_lax{${this.#text(d)}}`,
    () =>
      `def:${this.#pick(["acl_m_a", "acl_m_nope", "primary_hostname", "tls_in_bits", "h_Subject:", "sender_host_name"])}`,
    (d) => `${this.#pick(["isip", "isip4", "isip6"])}{${this.#text(d)}}`,
    (d) => `${this.#pick(["inlist", "inlisti"])}{${this.#text(d)}}{${this.#text(d)}}`,
    (d) => `${this.#pick(["forany", "forall"])}{${this.#text(d)}}{${this.#condition(d)}}`,
    (d) => `match_domain{${this.#text(d)}}{${this.#pick(DOMAIN_LISTS)}}`,
    (d) => `match_local_part{${this.#text(d)}}{${this.#pick(["root : hostmaster", "+admin", "^A", "*a", "!x"])}}`,
    () =>
      `match_address{${this.#pick(["anna@shop.example", "root@a.b", "", "x@bad.example"])}}{${this.#pick(ADDRESS_LISTS)}}`,
    () => `match_ip{${this.#pick(["10.20.0.1", "203.0.113.5", "2001:db8::1", "x", ""])}}{${this.#pick(HOST_LISTS)}}`,
    () => `exists{${FIX}/${this.#pick(["aliases", "nope"])}}`,
    (d) => `acl{{${this.#pick(["hello", "refuse"])}}{${this.#text(d)}}}`,
  ];

  #group(depth: number): string {
    let text = "";
    for (let n = 1 + this.#random(3); n > 0; n--) text += `{${this.#condition(depth - 1)}}`;
    return text;
  }
}
