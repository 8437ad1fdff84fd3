import { speak } from "../examples/running-program.ts";
import type { BmiSite } from "./bmi-site.ts";

interface Sent {
  readonly from?: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly header?: readonly string[];
  readonly body?: string;
  readonly prdr?: boolean;
}

/** The replies to RCPT, and those behind the final dot. */
export async function send(
  site: BmiSite,
  { from = "a@b.example", to, subject, header = [], body = "text", prdr = false }: Sent,
) {
  const content = [`From: a@b.example`, `Subject: ${subject}`, ...header, "", body, "."].join("\r\n");
  const replies = await speak(site.port, [
    "EHLO c.example",
    `MAIL FROM:<${from}>${prdr ? " PRDR" : ""}`,
    ...to.map((address) => `RCPT TO:<${address}>`),
    "DATA",
    content,
    ...(prdr ? Array.from({ length: to.length + 1 }, () => "") : []),
  ]);
  return { rcpt: replies.slice(3, 3 + to.length), end: replies.slice(4 + to.length) };
}

/** What the engine was asked about a message. */
export const asked = (site: BmiSite, subject: string): readonly string[] =>
  site.requests.filter((request) => request.includes(`\r\nSubject: ${subject}\r\n`));
/** The fields of this name that an engine was given beside the message. */
export const given = (request: string | undefined, name: string): readonly string[] =>
  [...`${(request ?? "").split("\r\n\r\n")[0]}\r`.matchAll(new RegExp(`^${name}: (.*)\\r$`, "gm"))].map(
    ([, value = ""]) => value,
  );
/** A field of a message that was delivered. */
export const field = (message: string | undefined, name: string): string | undefined =>
  new RegExp(`^${name}: ?(.*)$`, "m").exec(message ?? "")?.[1];
/** Whom messages were delivered to. */
export const recipientsOf = (messages: readonly string[]) => messages.map((message) => field(message, "X-To")).sort();
/** The verdict that was delivered with a message: `r`: whom it is about, `f`: which rules have fired. */
export const verdictIn = (message: string | undefined): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(field(message, "X-Brightmail-Verdict") ?? "", "base64").toString("latin1")) as Record<
    string,
    unknown
  >;
