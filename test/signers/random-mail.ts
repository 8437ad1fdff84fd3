import type { Chance } from "../fuzz/chance.ts";

/** Fields, each from its name to its CRLF, and a body. */
export interface Mail {
  readonly fields: readonly string[];
  readonly body: string;
}

export const textOf = ({ fields, body }: Mail): string => `${fields.join("")}\r\n${body}`;

const WORDS = ["word", "Two  blanks", "a\tb", "caf\xe9", "\xc3\xa9", "x;y=z", "(c)", '"q"', "=", ":", "."] as const;
const FOLDS = [" ", "  ", "\t", "\r\n ", "\r\n\t", " \r\n \t"] as const;

const blanks = (chance: Chance): string => (chance.oneIn(3) ? chance.pick(FOLDS) : chance.pick(["", " "]));

function fieldBody(chance: Chance): string {
  if (chance.oneIn(8)) return chance.pick(["", " ", "\t", "  "]);
  if (chance.oneIn(30)) return ` ${"long ".repeat(300)}`;
  let text = blanks(chance);
  for (let count = 1 + chance.integer(4); count > 0; count--) text += chance.pick(WORDS) + chance.pick(FOLDS);
  return chance.oneIn(3) ? text : text.replace(/[ \t\r\n]+$/, "");
}

const NAMES = ["Subject", "subject", "To", "Cc", "X-Odd", "x-oDD", "Date", "Reply-To", "List-Id", "Received"] as const;

function body(chance: Chance): string {
  if (chance.oneIn(6)) return chance.pick(["", "\r\n", "\r\n\r\n\r\n", " \r\n", " \t \r\n\r\n \r\n"]);
  let text = "";
  for (let count = 1 + chance.integer(6); count > 0; count--) {
    if (chance.oneIn(4)) text += chance.pick(["\r\n", " \r\n", "\t\r\n", "..\r\n", ".\r\n"]);
    else if (chance.oneIn(30)) text += `${"0123456789".repeat(200)}\r\n`;
    else
      text += `${blanks(chance).replaceAll(/\r\n/g, "")}${chance.words(WORDS, 5)}${chance.pick(["", "", " ", "\t ", "  "])}\r\n`;
  }
  text += chance.pick(["", "", "", "\r\n", "\r\n\r\n", " \r\n\r\n"]);
  return text;
}

/** An author, and other fields in any order and number. */
export function randomMail(chance: Chance): Mail {
  const fields = [
    `From:${chance.pick([" ", "", "\t", "\r\n "])}Ann <ann@${chance.pick(["a.test", "sub.a.test"])}>\r\n`,
  ];
  for (let count = chance.integer(8); count > 0; count--) {
    const field = `${chance.pick(NAMES)}:${fieldBody(chance)}\r\n`;
    fields.splice(chance.integer(fields.length + 1), 0, field);
  }
  return { fields, body: body(chance) };
}

/** What is signed, and how; the rest is of whoever signs. */
export interface Signing {
  readonly signer: "template" | "dkimpy" | "mail-dkim";
  readonly type: "rsa" | "ed25519";
  readonly c: string;
  readonly d: string;
  readonly s: string;
  readonly i?: string;
  readonly l?: number;
  readonly names: readonly string[];
  /** The field, with NUL and a name where hash and signature go. */
  readonly template?: string;
  /** Length of the lines of `b=`. */
  readonly wrap?: number;
}

/** `h=`: what is there, in any order and case, perhaps more often than it is there. */
function signedNames(chance: Chance, { fields }: Mail): readonly string[] {
  const there = fields.map((field) => field.slice(0, field.indexOf(":")));
  const names = ["From"];
  for (const name of there)
    if (name !== "From" && !chance.oneIn(3)) names.splice(chance.integer(names.length + 1), 0, name);
  if (chance.oneIn(2))
    names.push(...chance.pick([["From"], ["Subject", "From", "to"], ["X-Not-There"], ["Subject"], ["Cc", "cc", "CC"]]));
  if (chance.oneIn(8)) names.push("DKIM-Signature");
  return chance.oneIn(3) ? names.map((name) => (chance.oneIn(2) ? name.toUpperCase() : name.toLowerCase())) : names;
}

export function randomSigning(chance: Chance, mail: Mail, selectors: readonly string[]): Signing {
  const signer = chance.pick(["template", "template", "dkimpy", "mail-dkim"] as const);
  const s = selectors[chance.integer(selectors.length)] ?? "";
  const type = s.startsWith("ed") ? "ed25519" : "rsa";
  const c = `${chance.pick(["simple", "relaxed"])}/${chance.pick(["simple", "relaxed"])}`;
  const names = signedNames(chance, mail);
  const d = chance.pick(["a.test", "a.test", "A.Test"]);
  const i = chance.oneIn(3)
    ? chance.pick(["@a.test", "ann@a.test", "ann@sub.a.test", "@SUB.a.test", "@sub.A.TEST"])
    : undefined;
  const l = chance.oneIn(4) ? chance.integer(60) : undefined;
  const common = { type, c, d, s, names, ...(i === undefined ? {} : { i }) } as const;
  if (signer === "mail-dkim" && type === "rsa") return { signer, ...common };
  // It does not know that domains have no case.
  const plain = i === undefined ? {} : { i: i.toLowerCase() };
  if (signer === "dkimpy") return { signer, ...common, d: "a.test", ...plain, ...(l === undefined ? {} : { l }) };
  return {
    signer: "template",
    ...common,
    ...(l === undefined ? {} : { l }),
    ...(chance.oneIn(2) ? { wrap: 1 + chance.integer(70) } : {}),
    template: template(chance, { ...common, ...(l === undefined ? {} : { l }) }),
  };
}

function template(chance: Chance, { type, c, d, s, names, i, l }: Omit<Signing, "signer">): string {
  const now = Math.floor(Date.now() / 1000);
  const fold = (): string => (chance.oneIn(3) ? chance.pick(FOLDS) : "");
  const tags: string[][] = [
    ["v", "1"],
    ["a", `${type}-sha256`],
    ...(c === "simple/simple" && chance.oneIn(2)
      ? []
      : [["c", c.endsWith("/simple") && chance.oneIn(2) ? c.slice(0, -7) : c]]),
    ["d", d],
    ["s", s],
    ["h", names.map((name) => name + fold()).join(`:${fold()}`)],
    ["bh", chance.oneIn(3) ? `\0bh${fold()}` : "\0bh"],
    ["b", "\0b"],
    ...(i === undefined ? [] : [["i", i]]),
    ...(l === undefined ? [] : [["l", String(l)]]),
    ...(chance.oneIn(3) ? [["t", String(now - 1000)]] : []),
    ...(chance.oneIn(4) ? [["x", String(now + chance.pick([100_000, -100_000]))]] : []),
    ...(chance.oneIn(4) ? [["q", "dns/txt"]] : []),
    ...(chance.oneIn(4) ? [["z", "From:Ann=20<ann@a.test>|Subject:b=3D;x".replace(";", "=3B")]] : []),
    ...(chance.oneIn(4)
      ? [[chance.pick(["r", "bb", "x_b", "B", "zz1"]), chance.pick(["", "y", "a b", "1:2", "b=x"])]]
      : []),
  ];
  if (chance.oneIn(2)) for (let n = 0; n < 4; n++) tags.push(...tags.splice(chance.integer(tags.length), 1));
  const list = tags
    .map(([name, value]) => `${fold()}${name}${fold()}=${fold()}${value}${name === "b" ? "" : fold()}`)
    .join(";");
  // Whether blanks before the last CRLF are signed is no question that mail asks.
  const end = chance.pick(["", ";"]);
  return `${chance.pick(["DKIM-Signature", "dkim-signature", "DKIM-SIGNATURE"])}:${chance.pick([" ", "", "\r\n\t"])}${list.trimEnd()}${end}`;
}
