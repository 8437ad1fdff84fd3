import { readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { parsePath } from "@postbus/mail";
import { type Endpoint, parseEndpoint } from "@postbus/service-kit/endpoint";
import { EX_TEMPFAIL, EX_UNAVAILABLE } from "@postbus/service-kit/exit-code";
import type { SendMailOptions } from "nodemailer";
import { createTransport } from "nodemailer";
import { UsageError } from "../command.ts";
import { parseCount } from "../parse-count.ts";

const DEFAULT_SERVER = "127.0.0.1:2525";
const DEFAULT_RECIPIENT = "postmaster@localhost";

/** RFC 5321 §4.5.3.2.6: the reply to the final dot may take ten minutes; here a person waits. */
const TIMEOUT_MS = 60_000;

/**
 * `postbus send`: a message through SMTP, spoken by nodemailer, so that Postbus' own engine is tried against the
 * client that applications use.
 */
export async function send(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: "string", default: DEFAULT_SERVER },
      from: { type: "string" },
      to: { type: "string", multiple: true, default: [DEFAULT_RECIPIENT] },
      subject: { type: "string" },
      body: { type: "string" },
      file: { type: "string" },
      count: { type: "string", default: "1" },
      connections: { type: "string", default: "1" },
      tls: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
    },
  });
  if (values.file !== undefined && (values.body !== undefined || values.subject !== undefined)) {
    throw new UsageError("--file is the whole message; --subject and --body do not go with it");
  }
  for (const address of values.to) checkAddress(address, "--to");
  if (values.from !== undefined && values.from !== "") checkAddress(values.from, "--from");
  const from = values.from ?? `${userInfo().username}@${hostname()}`;
  const raw = values.file === undefined ? undefined : await readMessage(values.file);
  const count = parseCount(values.count, "--count");
  const connections = Math.min(count, parseCount(values.connections, "--connections"));
  const transport = openTransport({ ...values, endpoint: parseEndpoint(values.server, "--server"), connections });

  let exitCode = 0;
  const worst = (code: number): void => {
    // A refusal for good is the more important news.
    if (exitCode !== EX_UNAVAILABLE && code !== 0) exitCode = code;
  };
  let sent = 0;
  const sendNext = async (): Promise<void> => {
    while (sent < count && exitCode !== EX_TEMPFAIL) {
      sent++;
      const message = raw === undefined ? composed(values, from, sent, count) : { raw };
      worst(await sendOne(transport, { ...message, envelope: { from, to: values.to } }));
    }
  };
  await Promise.all(Array.from({ length: connections }, sendNext));
  transport.close();
  return exitCode;
}

/** nodemailer makes an address of anything, and perhaps another one than was meant. @throws {UsageError} */
function checkAddress(given: string, option: string): void {
  const path = Buffer.from(/<[^<>]*>$/.exec(given)?.[0] ?? `<${given}>`).toString("latin1");
  const parsed = parsePath(path, 0, { allowsUtf8: true });
  if (parsed.kind !== "path" || parsed.end !== path.length || parsed.address === "")
    throw new UsageError(`${option} ${JSON.stringify(given)}: is no address`);
}

type Transport = ReturnType<typeof openTransport>;

interface TransportOptions {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  readonly verbose: boolean;
  readonly connections: number;
}

function openTransport({ endpoint, tls, verbose, connections }: TransportOptions) {
  return createTransport({
    ...endpoint,
    secure: false,
    ignoreTLS: !tls,
    requireTLS: tls,
    tls: { rejectUnauthorized: false },
    pool: true,
    maxConnections: connections,
    maxMessages: Number.POSITIVE_INFINITY,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    ...(verbose ? { debug: true, logger: dialogue } : {}),
  });
}

/** nodemailer's log, as far as it is the dialogue: `C:` is us, `S:` the server. */
const dialogue = Object.fromEntries(
  ["trace", "debug", "info", "warn", "error", "fatal"].map((level) => [
    level,
    ({ tnx }: { readonly tnx?: string }, text = "") => {
      const mark = tnx === "client" ? "C: " : tnx === "server" ? "S: " : undefined;
      if (mark !== undefined) process.stderr.write(`${mark}${text.trimEnd().replaceAll("\n", `\n${mark}`)}\n`);
    },
  ]),
);

function composed(
  values: { readonly to: readonly string[]; readonly subject?: string; readonly body?: string },
  from: string,
  index: number,
  count: number,
): SendMailOptions {
  const number = count === 1 ? "" : ` ${index} of ${count}`;
  return {
    ...(from === "" ? {} : { from }),
    to: [...values.to],
    subject: values.subject ?? `Test${number}, ${new Date().toISOString()}`,
    text: values.body ?? "A message from postbus send.\n",
  };
}

async function readMessage(file: string): Promise<Buffer> {
  return file === "-" ? buffer(process.stdin) : readFile(file);
}

/** A refusal as nodemailer tells it; `recipient` only when one of several was refused. */
interface Refusal {
  readonly message: string;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly recipient?: string | undefined;
  readonly rejectedErrors?: readonly Refusal[] | undefined;
}

/** @returns exit code for this message. */
async function sendOne(transport: Transport, message: SendMailOptions): Promise<number> {
  try {
    const { response, ...info } = await transport.sendMail(message);
    const refusals: readonly Refusal[] = "rejectedErrors" in info ? (info.rejectedErrors ?? []) : [];
    const exitCode = showRefusals(refusals);
    process.stdout.write(`${response}\n`);
    return exitCode;
  } catch (err) {
    if (!(err instanceof Error)) throw err;
    const refusal: Refusal = err;
    return showRefusals(refusal.rejectedErrors ?? [refusal]);
  }
}

/** @returns 0 without refusals, `EX_UNAVAILABLE` if one is for good, else `EX_TEMPFAIL`. */
function showRefusals(refusals: readonly Refusal[]): number {
  for (const { recipient, response, message } of refusals) {
    const about = recipient === undefined ? "" : `${recipient}: `;
    // Without a reply there was no server to give one: that is not an answer but our own trouble.
    if (response === undefined) process.stderr.write(`postbus: ${about}${message}\n`);
    else process.stdout.write(`${about}${response}\n`);
  }
  if (refusals.length === 0) return 0;
  return refusals.some(({ responseCode }) => (responseCode ?? 0) >= 500) ? EX_UNAVAILABLE : EX_TEMPFAIL;
}
