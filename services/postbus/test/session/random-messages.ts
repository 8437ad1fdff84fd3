import type { Random } from "./random-acls.ts";

/** What a policy tells of each part, on one line. */
export const TELL_PARTS = `acl_smtp_rcpt = accept
acl_smtp_mime = parts
acl_smtp_data = whole
begin acl
parts:
  accept logwrite = P |$mime_part_count $mime_is_multipart $mime_is_coverletter|\${escape:$mime_content_type}|\${escape:$mime_boundary}|\${escape:$mime_charset}|\${escape:$mime_content_description}|\${escape:$mime_content_disposition}|\${escape:$mime_content_id}|\${escape:$mime_content_transfer_encoding}|\${escape:$mime_filename}|
         decode = default
         logwrite = D |\${escape:$mime_content_transfer_encoding}|$mime_anomaly_level|$mime_content_size|\${escape:\${readfile{$mime_decoded_filename}}}|
whole:
  accept logwrite = A |$mime_part_count|
`;

const pick = <T>(random: Random, items: readonly T[]): T => items[random(items.length)] as T;

const TYPES = ["text/plain", "Text/HTML", "multipart/mixed", "multipart/alternative", "application/x", "a/b(c)d", ""];
const ENCODINGS = ["base64", "Quoted-Printable", "7bit", "BASE64", "x", "quoted-printable (y)"];
const VALUES = [
  ...["b1", '"b1"', '"b 2"', "b2", "x.exe", '"x;y.exe"', '"a(b)c"', "a(b)c", '"', '""', "", " x", "=?utf-8?q?a=41?="],
  ...[
    "=?iso-8859-1?B?5A==?= =?utf-8?q?_b?=",
    "=?x?q?a b?=",
    "utf-8''a%41",
    "utf-8'en'%41_b",
    "%41'%",
    '"it\'s"',
    '\\"q\\"',
    "\xe4",
  ],
];
const NAMES = [
  ...[
    "name",
    "Name",
    "filename",
    "filename*",
    "filename*0",
    "filename*0*",
    "filename*1",
    "filename*1*",
    "name*",
    "name*0*",
  ],
  ...["charset", "boundary", "BOUNDARY", "x-boundary", "filename*x*", "other", "name "],
];
const LINES = [
  ...[
    "--b1",
    "--b1--",
    "--b2",
    "--b 2",
    "--b 2--",
    "text",
    "",
    "aGVsbG8=",
    "aGVs bG8",
    "a=3Db",
    "soft=",
    "=zz",
    "--",
    "-- b1",
  ],
  ...["Content-Type: text/plain", "Content-Type: multipart/mixed; boundary=b2", " folded", "YQ==YQ==", "Z", "\xe4\xf6"],
];

/** A message with parts, more or less. @returns its lines. */
export function randomMessage(random: Random): string[] {
  const lines = ["From: a@b", "Content-Type: multipart/mixed; boundary=b1", ""];
  if (random(4) === 0) lines.splice(1, 1, ...header(random, "Content-Type"));
  const parts = 1 + random(4);
  for (let i = 0; i < parts; i++) {
    lines.push(pick(random, ["--b1", "--b1", "--b1", "--b2", "--b 2"]));
    const headers = random(4);
    for (let j = 0; j < headers; j++) {
      lines.push(
        ...header(random, pick(random, ["Content-Type", "Content-Disposition", "Content-ID", "content-description"])),
      );
    }
    if (random(3) > 0) lines.push(`Content-Transfer-Encoding: ${pick(random, ENCODINGS)}`);
    lines.push("");
    for (let j = random(5); j > 0; j--) lines.push(pick(random, LINES));
  }
  if (random(3) > 0) lines.push("--b1--");
  return lines;
}

function header(random: Random, name: string): string[] {
  const lines = [`${name}:${pick(random, [" ", "", "  "])}${pick(random, TYPES)}`];
  for (let i = random(4); i > 0; i--) {
    const parameter = pick(random, NAMES);
    const value = pick(random, VALUES);
    // Exim makes a word of RFC 2047 out of a name by RFC 2231, and finds the one that is in it.
    const isMixed = parameter.includes("*") && /=\?|^"$/.test(value);
    const text = `;${pick(random, [" ", "", "\t"])}${parameter}${pick(random, ["=", "=", "=", " = "])}${isMixed ? "x" : value}`;
    if (random(3) === 0) lines.push(` ${text}`);
    else lines[lines.length - 1] += text;
  }
  return lines;
}
