import type { Answer, RecordData, RecordType, Resolver } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import { Acls } from "../../src/acl/acls.ts";
import type { AclAnswer } from "../../src/acl/answer.ts";
import type { AclHooks } from "../../src/acl/hooks.ts";
import { AclSession } from "../../src/acl/session.ts";
import { sessionNames } from "../../src/acl/session-names.ts";
import type { ProxyView } from "../../src/acl/smtp/proxy-view.ts";
import { receivedContent } from "../../src/acl/smtp/received-content.ts";
import { SmtpAcls } from "../../src/acl/smtp/smtp-acls.ts";
import { smtpParts } from "../../src/acl/smtp/smtp-parts.ts";
import { policySurroundings } from "../../src/load/policy-surroundings.ts";
import type { Problem } from "../../src/reader/problem.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";

export interface PolicySession {
  readonly acls: SmtpAcls;
  readonly session: AclSession;
  /** `main: text` */
  readonly log: string[];
  readonly problems: readonly Problem[];
}

export interface PolicySessionOptions {
  readonly hooks?: AclHooks;
  readonly address?: string;
  readonly proxy?: ProxyView | undefined;
  readonly zone?: Readonly<Record<string, readonly string[] | "defer">>;
}

/** A session of a client under a configuration, with all that it needs from outside given by the test. */
export function policySession(config: string, options: PolicySessionOptions = {}): PolicySession {
  const { hooks = {}, address = "192.0.2.1", proxy, zone = {} } = options;
  const text = Buffer.from(`primary_hostname = mx.test\n${config}`, "latin1");
  const { configuration, problems } = readConfiguration({
    file: "/policy",
    readFile: (path) => (path === "/policy" ? text : undefined),
  });
  const errors = problems.filter(({ kind }) => kind === "error");
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { shared } = policySurroundings(configuration, {
    hostname: "mx.test",
    localAddresses: [],
    environment: {},
    resolver: fakeResolver(zone),
    now: () => 1_700_000_000_000,
  });
  const log: string[] = [];
  const names = sessionNames(configuration, { primaryHostname: "mx.test", file: "/policy", version: "0" });
  const allHooks: AclHooks = {
    log: (targets, line, { before } = {}) =>
      log.push(`${targets.join("+")}: ${before === undefined ? line : `${before}CLIENT${line}`}`),
    ...hooks,
  };
  const session = new AclSession({ address, port: 4000, ...(proxy && { proxy }) }, names, shared, allHooks);
  const compiled = new Acls(configuration);
  return {
    acls: new SmtpAcls(session, compiled, smtpParts(configuration, "mx.test")),
    session,
    log,
    problems: compiled.problems,
  };
}

/** Records by `TYPE name`. */
export function fakeResolver(zone: Readonly<Record<string, readonly string[] | "defer">>): Resolver {
  return {
    async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      const found = zone[`${type} ${name}`];
      if (found === "defer") throw new DeferError("dns", `${type} ${name}: no answer`);
      if (found === undefined) return { state: "no such name", authenticated: false, ttlSeconds: 0 };
      const records = found.map((text) => (type === "TXT" ? [text] : text)) as unknown as RecordData[T][];
      return { state: "found", records, name, authenticated: false, ttlSeconds: 60 };
    },
  };
}

/** `250`, `550 text`, `drop 550 text`: the reply of an ACL, or the verdict where there is none. */
export function shown({ verdict, reply }: AclAnswer): string {
  const status = reply?.status === undefined ? "" : `${reply.status} `;
  const text = reply === undefined ? "" : ` ${reply.code} ${status}${reply.lines.join("|")}`;
  return verdict === "refuse" ? text.trim() : `${verdict}${text}`;
}

/** An ACL for RCPT, asked about one recipient of a message. */
export async function askRcpt(
  statements: string,
  options?: PolicySessionOptions & { readonly main?: string; readonly more?: string },
) {
  const { main = "", more = "" } = options ?? {};
  const made = policySession(`${main}\nacl_smtp_rcpt = check\nbegin acl\ncheck:\n${statements}\n${more}`, options);
  await made.acls.mail({ returnPath: "ann@out.example" });
  const answer = await made.acls.recipient("Bob@Test.example");
  return { ...made, answer, said: shown(answer) };
}

/** A message with these header lines and this body, for the ACLs behind DATA. */
export function contentOf(header: string, body = "text\n") {
  const lines = header.split(/\n(?![ \t])/).filter((line) => line !== "");
  return receivedContent(
    lines.map((line) => `${line}\n`),
    {
      size: body.replaceAll("\n", "\r\n").length,
      lines: body.split("\n").length - 1,
      longestLine: Math.max(...body.split("\n").map((line) => line.length)),
      zeros: body.split("\0").length - 1,
      start: body,
      end: body,
      read: () => body.split("\n"),
    },
  );
}
