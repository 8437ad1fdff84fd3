import { DeferError } from "@postbus/mail";
import { type Eventual, then } from "../../expansion/code.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { AclAnswer } from "../answer.ts";
import type { AclSession } from "../session.ts";
import { lookUpHostName } from "./host-name.ts";
import { isClientIn } from "./is-client-in.ts";
import { verifyHelo } from "./verify-helo.ts";

/**
 * `helo_verify_hosts`, `helo_try_verify_hosts`: whose name in HELO is looked at before the ACL is asked.
 * `helo_lookup_domains`: with which names there is a client whose own name has to be known. Exim's default for that one is our
 * own names; here it is for files that set it, so that others need not ask at HELO.
 */
export class HeloChecks {
  readonly #required: CompiledList | undefined;
  readonly #tried: CompiledList | undefined;
  readonly #lookedUp: CompiledList | undefined;

  constructor({ main }: Pick<Configuration, "main">) {
    const list = (text = ""): CompiledList | undefined => (text.trim() === "" ? undefined : compileList("host", text));
    this.#required = list(main.get("helo_verify_hosts"));
    this.#tried = list(main.get("helo_try_verify_hosts"));
    const names = main.setting("helo_lookup_domains") === undefined ? "" : main.get("helo_lookup_domains").trim();
    this.#lookedUp = names === "" ? undefined : compileList("domain", names);
  }

  get areNone(): boolean {
    return this.#required === undefined && this.#tried === undefined && this.#lookedUp === undefined;
  }

  /** @returns A refusal, in Exim's words; undefined: the name may stand. */
  check(session: AclSession): Eventual<AclAnswer | undefined> {
    return then(this.#lookUp(session), () => this.#verify(session));
  }

  #lookUp(session: AclSession): Eventual<void> {
    const list = this.#lookedUp;
    if (list === undefined || session.connection.hostName !== undefined) return undefined;
    return nameIfIn(list, session);
  }

  #verify(session: AclSession): Eventual<AclAnswer | undefined> {
    return then(isClientIn(this.#required, session), (isRequired) =>
      then(isRequired || isClientIn(this.#tried, session), (isTried) =>
        isTried ? verified(session, isRequired) : undefined,
      ),
    );
  }
}

/** A list that cannot be decided is a no, as with Exim. */
async function nameIfIn(list: CompiledList, session: AclSession): Promise<void> {
  try {
    if ((await list.match(session.evaluation, session.connection.helo)) !== undefined) await lookUpHostName(session);
  } catch (error) {
    if (!(error instanceof DeferError || error instanceof ExpansionFailure)) throw error;
  }
}

async function verified(session: AclSession, isRequired: boolean): Promise<AclAnswer | undefined> {
  let isTemporary = false;
  try {
    if (await verifyHelo(session)) return undefined;
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    isTemporary = true;
  }
  if (!isRequired) return undefined;
  const text = `${session.connection.isExtended ? "EHLO" : "HELO"} argument does not match calling host`;
  return {
    verdict: "refuse",
    reply: { code: isTemporary ? 451 : 550, lines: [text] },
    isTemporary,
    log: "it does not match the calling host",
    logTargets: undefined,
    record: { stage: "helo", verdict: isTemporary ? "defer" : "no", statements: [], log: text },
  };
}
