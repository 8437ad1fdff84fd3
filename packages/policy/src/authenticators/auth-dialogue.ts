import { type Reply, reply } from "@postbus/mail";
import type { AclSession } from "../acl/session.ts";
import { type Eventual, then } from "../expansion/code.ts";
import { failureText } from "../expansion/failures.ts";
import { textOf, type Value } from "../expansion/value.ts";
import type { AuthResult, MechanismStep } from "./mechanism.ts";
import type { ServerAuthenticator } from "./server-authenticators.ts";

/** What an AUTH command, or a line behind it, is answered with. */
export type AuthAnswer =
  /** 334 with this text, base64; the next line is for the dialogue. */
  | { readonly kind: "challenge"; readonly text: string }
  /** There is no such mechanism for this client: an error of the protocol. */
  | { readonly kind: "unknown"; readonly reply: Reply }
  /** @property log Why not, for the log. */
  | { readonly kind: "end"; readonly reply: Reply; readonly isAuthenticated: boolean; readonly log?: FailedLogin };

/** A line of the log: the client stands behind `before`, and `text` behind it. */
export interface FailedLogin {
  readonly before: string;
  readonly text: string;
}

const REPLIES: Readonly<Record<Exclude<AuthResult, "deferred"> | "invalid base64", Reply>> = {
  ok: reply(235, "2.7.0", "Authentication succeeded"),
  failed: reply(535, "5.7.8", "Incorrect authentication data"),
  "initial data not expected": reply(553, "5.7.0", "Initial data not expected"),
  "invalid base64": reply(501, "5.5.2", "Invalid base64 data"),
};
const CANCELLED = reply(501, "5.7.0", "Authentication cancelled");

/** One AUTH command with what follows it (RFC 4954 §4), with Exim's words. */
export class AuthDialogue {
  readonly #authenticator: ServerAuthenticator;
  readonly #session: AclSession;
  #answered: ((response: string) => Eventual<MechanismStep>) | undefined;

  constructor(authenticator: ServerAuthenticator, session: AclSession) {
    this.#authenticator = authenticator;
    this.#session = session;
  }

  /** @param initial Behind the mechanism's name, base64; `=` is the empty string. */
  begin(initial: string | undefined): Eventual<AuthAnswer> {
    this.#session.connection.failedId = undefined;
    const octets = initial === undefined ? undefined : initial === "=" ? "" : decoded(initial);
    if (octets === null) return this.#brokenOff(REPLIES["invalid base64"]);
    return then(this.#authenticator.mechanism(octets, this.#session), (step) => this.#take(step));
  }

  /** A line of the client's behind a challenge. */
  next(line: string): Eventual<AuthAnswer> {
    const answered = this.#answered;
    if (answered === undefined) throw new Error("an answer to no challenge");
    this.#answered = undefined;
    if (line === "*") return this.#brokenOff(CANCELLED);
    const octets = decoded(line);
    if (octets === null) return this.#brokenOff(REPLIES["invalid base64"]);
    return then(answered(octets), (step) => this.#take(step));
  }

  /** Nobody has been named. */
  #brokenOff(answer: Reply): AuthAnswer {
    this.#session.connection.authValues = [];
    return this.#refused(answer);
  }

  #take(step: MechanismStep): Eventual<AuthAnswer> {
    if (step.kind === "end") return this.#end(step);
    this.#answered = step.answered;
    return { kind: "challenge", text: Buffer.from(step.challenge, "latin1").toString("base64") };
  }

  #end(step: Extract<MechanismStep, { kind: "end" }>): Eventual<AuthAnswer> {
    const { authValues } = this.#session.connection;
    return then(this.#id(), (id) => {
      // What the client has said of itself is forgotten, as in Exim.
      this.#session.connection.authValues = [];
      if (step.result === "ok" && !(id instanceof Error)) return this.#succeeded(id);
      // As in Exim: who cannot be named is not let in.
      const isDeferred = step.result === "ok" || step.result === "deferred";
      const why = withoutSecrets(
        id instanceof Error && step.result === "ok" ? failureText(id) : step.why,
        authValues.map(textOf),
      );
      if (!(id instanceof Error)) this.#session.connection.failedId = id;
      const answer = isDeferred
        ? reply(435, "4.7.0", `Unable to authenticate at present${step.said ?? ""}`)
        : REPLIES[step.result as Exclude<AuthResult, "deferred">];
      return this.#refused(answer, why, id instanceof Error ? undefined : id);
    });
  }

  #succeeded(id: Value | undefined): AuthAnswer {
    const { connection } = this.#session;
    const { name, writtenName: method, isByCertificate } = this.#authenticator;
    connection.hasFailedToAuthenticate = false;
    connection.authentication = { by: name, method, isByCertificate, id: id ?? "" };
    return { kind: "end", reply: REPLIES.ok, isAuthenticated: true };
  }

  #refused(answer: Reply, why?: string, id?: Value): AuthAnswer {
    const setId = id === undefined || textOf(id) === "" ? "" : ` (set_id=${textOf(id)})`;
    // The reply to the client may have the reason, too.
    const [said = ""] = answer.lines;
    const words = why !== undefined && said.endsWith(`: ${why}`) ? said.slice(0, -why.length - 2) : said;
    const text = `: ${answer.code} ${words}${setId}${why === undefined ? "" : `: ${why}`}`;
    const log = { before: `${this.#authenticator.name} authenticator failed for `, text };
    return { kind: "end", reply: answer, isAuthenticated: false, log };
  }

  /** `server_set_id`, with what the client has said. */
  #id(): Eventual<Value | undefined | Error> {
    const { setId } = this.#authenticator;
    if (setId === undefined) return undefined;
    const failure = (error: unknown): Error => {
      if (failureText(error) === undefined) throw error;
      return error as Error;
    };
    try {
      const value = setId.run(this.#session.evaluation);
      return value instanceof Promise ? value.catch(failure) : value;
    } catch (error) {
      return failure(error);
    }
  }
}

/** The keys of lookups, and all else that the client has said, may be a password: they end in no log. */
function withoutSecrets(why: string | undefined, values: readonly string[]): string | undefined {
  let text = why?.replace(/lookup of "[\s\S]*" gave DEFER: /, "lookup gave DEFER: ");
  for (const value of values.filter((one) => one !== "").sort((a, b) => b.length - a.length)) {
    text = text?.replaceAll(value, "***");
  }
  return text;
}

/** Octets; null: it is no base64 (RFC 4648 §4). */
function decoded(text: string): string | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  return Buffer.from(text, "base64").toString("latin1");
}
