import type { Chance } from "./chance.ts";

const GREETINGS = [
  "EHLO c.example\r\n",
  "EHLO c.example\r\n",
  "EHLO c.example\r\n",
  "HELO c\r\n",
  "EHLO [192.0.2.1]\r\n",
] as const;
const MAILS = [
  "MAIL FROM:<a@b.example>\r\n",
  "MAIL FROM:<a@b.example>\r\n",
  "MAIL FROM:<>\r\n",
  "MAIL FROM:<> SIZE=5 BODY=8BITMIME\r\n",
  "MAIL FROM:<a@b.example> PRDR\r\n",
  "MAIL FROM:<> prdr PRDR\r\n",
  "MAIL FROM:<a@b.example> RET=HDRS ENVID=x+2By\r\n",
  "MAIL FROM:<j\xc3\xb6@b.example> SMTPUTF8\r\n",
  "mail from: <@r.example:a@b.example> SIZE=99999999999999999999\r\n",
] as const;
const RECIPIENTS = [
  "RCPT TO:<x@y.example>\r\n",
  "RCPT TO:<x@y.example>\r\n",
  'RCPT TO:<"a b"@y.example> NOTIFY=NEVER ORCPT=rfc822;x\r\n',
  "RCPT TO:<bad\r\n",
  "rcpt to:<postmaster>\r\n",
] as const;
/** Commands that may come anywhere, in order or not. */
const OTHERS = [
  "RSET\r\n",
  "NOOP\r\n",
  "HELP\r\n",
  "VRFY x@y.example\r\n",
  "EXPN list\r\n",
  "ETRN #x\r\n",
  "DATA\r\n",
  "BDAT 5\r\n",
  "BDAT 0 LAST\r\n",
  "BDAT\r\n",
  "BDAT 18446744073709551616 LAST\r\n",
  "STARTTLS\r\n",
  "AUTH LOGIN\r\n",
  "AUTH PLAIN AGEAYg==\r\n",
  "*\r\n",
  "XCLIENT ADDR=192.0.2.9 NAME=c.example\r\n",
  "QUIT\r\n",
  "TURN\r\n",
  "FOO\r\n",
  "\r\n",
  "\n",
  "\0",
  "\r",
  ".\r\n",
] as const;
/** Longer than any line may be. */
const ENDLESS = "x".repeat(5_000);
/** What message content, and its end, is made of. */
const CONTENT = [
  "Subject: x\r\n",
  " folded\r\n",
  "Received: y\r\n",
  "\r\n",
  "text\r\n",
  "text",
  "..\r\n",
  ".x\r\n",
  ".",
  "\xff\xfe",
  `${"long".repeat(15)}\r\n`,
] as const;
/** What must not be in it. */
const POISON = [
  "\r",
  "\n",
  "\0",
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r\r\n.\r\n",
  "\r\n.\r\r\n",
  ".\r\n",
] as const;
const TOKENS = ["<", ">", "@", " ", "=", "LAST", ...OTHERS, ...CONTENT, ...POISON] as const;

/** What a client says, in the groups between which it waits for replies. By `chunks`, content comes by BDAT (RFC 3030). */
export function dialogue(chance: Chance, chunks: boolean): string[] {
  const groups: string[] = [];
  if (!chance.oneIn(12)) groups.push(chance.pick(GREETINGS));
  for (let count = chance.pick([1, 1, 1, 2, 3]); count > 0; count--) {
    if (chance.oneIn(4)) groups.push(chance.words(OTHERS, 3));
    const [envelope, ...content] = transaction(chance, chunks);
    groups.push(envelope ?? "", ...content);
  }
  if (chance.oneIn(2)) groups.push("QUIT\r\n");
  if (chance.oneIn(200)) groups.splice(chance.integer(groups.length), 0, ENDLESS);
  for (let count = chance.integer(3); count > 0; count--) {
    const at = chance.integer(groups.length);
    groups[at] = chance.spoilt(groups[at] ?? "", TOKENS, 2);
  }
  if (chance.oneIn(10)) return [groups.join("")];
  if (chance.oneIn(10)) groups.splice(chance.integer(groups.length), 1);
  return groups.filter((group) => group !== "");
}

function transaction(chance: Chance, chunks: boolean): string[] {
  let envelope = chance.pick(MAILS);
  for (let count = chance.integer(4); count >= 0; count--) envelope += chance.pick(RECIPIENTS);
  if (chunks || chance.oneIn(5)) return [envelope + inChunks(chance, content(chance))];
  const end = chance.oneIn(6) ? chance.pick(POISON) : chance.pick([".\r\n", "\r\n.\r\n"]);
  return [`${envelope}DATA\r\n`, content(chance) + end];
}

function content(chance: Chance): string {
  const clean = chance.words(CONTENT, 6);
  if (!chance.oneIn(4)) return clean;
  return clean + chance.words(POISON, 2) + chance.words(CONTENT, 3);
}

/** Now and then with the wrong length, the wrong last one, or a command between. */
function inChunks(chance: Chance, text: string): string {
  let stream = "";
  let at = 0;
  do {
    const end = chance.oneIn(2) ? text.length : Math.min(text.length, at + chance.integer(20));
    const chunk = text.slice(at, end);
    const said = chance.oneIn(15) ? chance.integer(40) : chunk.length;
    const isLast = end === text.length && !chance.oneIn(4);
    stream += `BDAT ${said}${isLast !== chance.oneIn(20) ? " LAST" : ""}\r\n${chunk}`;
    if (chance.oneIn(10)) stream += chance.pick(OTHERS);
    if (end === text.length && !isLast) stream += "BDAT 0 LAST\r\n";
    at = end;
  } while (at < text.length);
  return stream;
}
