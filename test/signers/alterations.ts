import type { Chance } from "../fuzz/chance.ts";
import type { Mail } from "./random-mail.ts";

type Alteration = (mail: Mail, chance: Chance) => Mail;

/** Index of a field that is not the signature, if there is one. */
const anyField = ({ fields }: Mail, chance: Chance): number => 1 + chance.integer(fields.length - 1);
const changed = (mail: Mail, at: number, change: (field: string) => string): Mail => ({
  ...mail,
  fields: mail.fields.with(at, change(mail.fields[at] ?? "")),
});
const inserted = (mail: Mail, at: number, field: string): Mail => ({
  ...mail,
  fields: mail.fields.toSpliced(at, 0, field),
});
const bodied = (mail: Mail, change: (body: string) => string): Mail => ({ ...mail, body: change(mail.body) });

/** What may happen to signed mail on its way. */
const ALTERATIONS: Readonly<Record<string, Alteration>> = {
  nothing: (mail) => mail,
  "empty lines at the end": (mail) => bodied(mail, (body) => `${body}\r\n\r\n`),
  "a word at the end": (mail) => bodied(mail, (body) => `${body}x\r\n`),
  "a line less": (mail) => bodied(mail, (body) => body.replace(/[^\r\n]*\r\n$/, "")),
  "blanks at the end": (mail) => bodied(mail, (body) => `${body} \t\r\n`),
  "blanks at ends of lines": (mail) => bodied(mail, (body) => body.replaceAll(/(?<=[^\r\n])\r\n/g, " \t\r\n")),
  "fewer blanks in the body": (mail) => bodied(mail, (body) => body.replaceAll(/[ \t]+/g, " ")),
  "no blanks in the body": (mail) => bodied(mail, (body) => body.replaceAll(/[ \t]/g, "")),
  "another letter in the body": (mail) => bodied(mail, (body) => body.replace("w", "W")),
  "a name in another case": (mail, chance) =>
    changed(mail, anyField(mail, chance), (field) => field.replace(/^[^:]+/, (name) => name.toUpperCase())),
  "a fold more": (mail, chance) =>
    changed(mail, anyField(mail, chance), (field) => field.replace(/(?<=[^\r\n \t:]) /, "\r\n ")),
  unfolded: (mail, chance) => changed(mail, anyField(mail, chance), (field) => `${field.replaceAll("\r\n", "")}\r\n`),
  "blanks at the end of a field": (mail, chance) =>
    changed(mail, anyField(mail, chance), (field) => field.replace(/\r\n$/, " \t\r\n")),
  "a blank behind the colon": (mail, chance) =>
    changed(mail, anyField(mail, chance), (field) => field.replace(":", ":  ")),
  "another letter in a field": (mail, chance) =>
    changed(mail, anyField(mail, chance), (field) => field.replace(/o(?=[^:]*$)/, "0")),
  "a field less": (mail, chance) => ({ ...mail, fields: mail.fields.toSpliced(anyField(mail, chance), 1) }),
  "a field twice": (mail, chance) => {
    const at = anyField(mail, chance);
    return inserted(mail, at, mail.fields[at] ?? "");
  },
  "another subject on top": (mail) => inserted(mail, 1, "Subject: other\r\n"),
  "another subject below": (mail) => inserted(mail, mail.fields.length, "Subject: other\r\n"),
  "another recipient on top": (mail) => inserted(mail, 0, "Cc: other\r\n"),
  "another signature on top": (mail) => inserted(mail, 0, "X-Dkim-Signature: v=1\r\n"),
  "the signature at the bottom": ({ fields: [signature = "", ...fields], body }) => ({
    fields: [...fields, signature],
    body,
  }),
  "fields in another order": ({ fields: [signature = "", ...fields], body }) => ({
    fields: [signature, ...fields.toReversed()],
    body,
  }),
  "the signature unfolded": (mail) =>
    changed(mail, 0, (field) => `${field.replaceAll(/\r\n[ \t]+/g, " ").trimEnd()}\r\n`),
  "the signature folded again": (mail) => changed(mail, 0, (field) => field.replaceAll(/; /g, ";\r\n\t")),
  "the signature's name in another case": (mail) =>
    changed(mail, 0, (field) => field.replace(/^[^:]+/, "Dkim-Signature")),
  "a semicolon more in the signature": (mail) => changed(mail, 0, (field) => field.replace(/;?[ \t\r\n]*$/, ";\r\n")),
  "blanks in the signature's value": (mail) =>
    changed(mail, 0, (field) => field.replace(/([; \t\n:]b[ \t\r\n]*=[^;]{5})/, "$1 ")),
  "another selector": (mail) =>
    changed(mail, 0, (field) => field.replace(/(?<=[; \t\n:]s[ \t\r\n]*=[ \t\r\n]*)[a-z0-9]+/, "rsa2")),
  "another algorithm": (mail) => changed(mail, 0, (field) => field.replace("rsa-sha256", "ed25519-sha256")),
};

export function altered(chance: Chance, mail: Mail): readonly [what: string, mail: Mail] {
  const names = Object.keys(ALTERATIONS);
  let [what, result] = ["", mail];
  for (let count = chance.pick([1, 1, 1, 2]); count > 0; count--) {
    const name = chance.oneIn(4) ? "nothing" : (names[chance.integer(names.length)] ?? "nothing");
    // Is the signature still the first field?
    if (name.includes("signature") && /bottom|on top/.test(what)) continue;
    if (result.fields.length < 2) continue;
    what += `${what === "" ? "" : ", "}${name}`;
    result = ALTERATIONS[name]?.(result, chance) ?? result;
  }
  return [what, result];
}
