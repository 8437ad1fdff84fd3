import { reply } from "@postbus/mail";
import type { AclSession } from "../acl/session.ts";
import { isClientIn } from "../acl/smtp/is-client-in.ts";
import { type Eventual, then } from "../expansion/code.ts";
import { type CompiledList, compileList } from "../matching/compile-list.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { ProblemList } from "../reader/problem.ts";
import { isAdvertised } from "./auth-condition.ts";
import { type AuthAnswer, AuthDialogue } from "./auth-dialogue.ts";
import { type ServerAuthenticator, serverAuthenticators } from "./server-authenticators.ts";

/** Authenticators as the clients see them: offered in the reply to EHLO, asked for by AUTH. */
export class OfferedAuthenticators {
  readonly #all: readonly ServerAuthenticator[];
  readonly #hosts: CompiledList | undefined;

  /** Of several, the first is asked, as with Exim. */
  readonly #byCertificate: ServerAuthenticator | undefined;

  /** @param hosts `auth_advertise_hosts` */
  constructor(all: readonly ServerAuthenticator[], hosts: string) {
    this.#all = all.filter(({ isByCertificate }) => !isByCertificate);
    this.#byCertificate = all.find(({ isByCertificate }) => isByCertificate);
    this.#hosts = hosts === "*" ? undefined : compileList("host", hosts);
  }

  /** Whether a client that has just come into TLS may be let in for its certificate (driver `tls`). */
  isCertificateEnough({ connection }: AclSession): boolean {
    return this.#byCertificate !== undefined && connection.tls?.isVerified === true;
  }

  /** Asks the authenticator of driver `tls` about the client. What it says no to is logged, and has no other consequence. */
  byCertificate(session: AclSession): Eventual<void> {
    const authenticator = this.#byCertificate;
    if (authenticator === undefined) return undefined;
    return then(new AuthDialogue(authenticator, session).begin(undefined), (answer) => {
      if (answer.kind === "end" && answer.log !== undefined) {
        session.log(["main", "reject"], answer.log.text, { before: answer.log.before });
      }
    });
  }

  /** To be called when EHLO is accepted: finds out what this client may use now. */
  offer(session: AclSession): Eventual<void> {
    const { connection } = session;
    connection.authenticators = [];
    // Who has shown who it is is not asked again, as in Exim.
    if (!connection.isExtended || connection.authentication !== undefined) return undefined;
    return then(isClientIn(this.#hosts, session, true), (isWanted) =>
      isWanted ? this.#offerFrom(0, session) : undefined,
    );
  }

  /**
   * AUTH, after its ACL. @param mechanism In any case.
   *
   * @returns undefined: there is no such mechanism for this client (504).
   */
  begin(mechanism: string, initial: string | undefined, session: AclSession): Begun | undefined {
    const { authenticators, controls } = session.connection;
    const offered = controls.allowsUnadvertisedAuth === true ? this.#all : authenticators;
    const wanted = mechanism.toUpperCase();
    const authenticator = offered.find(({ publicName }) => publicName === wanted);
    if (authenticator === undefined) return undefined;
    const dialogue = new AuthDialogue(authenticator, session);
    return { dialogue, answer: dialogue.begin(initial) };
  }

  #offerFrom(at: number, session: AclSession): Eventual<void> {
    const authenticator = this.#all[at];
    if (authenticator === undefined) return undefined;
    return then(isAdvertised(authenticator.advertised, session), (isOffered) => {
      const { connection } = session;
      if (isOffered) connection.authenticators = [...connection.authenticators, authenticator];
      return this.#offerFrom(at + 1, session);
    });
  }
}

/** @returns undefined: the file has no authenticator for clients. */
export function offeredAuthenticators(
  configuration: Configuration,
  hostname: string,
  problems: ProblemList,
): OfferedAuthenticators | undefined {
  const all = serverAuthenticators(configuration, hostname, problems);
  return all.length === 0 ? undefined : new OfferedAuthenticators(all, configuration.main.get("auth_advertise_hosts"));
}

export interface Begun {
  readonly dialogue: AuthDialogue;
  readonly answer: Eventual<AuthAnswer>;
}

/** RFC 4954 §4, with Exim's words. */
export const unknownMechanism = (mechanism: string) =>
  /[^A-Za-z0-9_-]/.test(mechanism)
    ? reply(501, "5.5.4", "invalid character in authentication mechanism name")
    : reply(504, "5.5.4", `${mechanism.slice(0, 64)} authentication mechanism not supported`);
