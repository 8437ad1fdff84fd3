import { createEvaluation } from "../expansion/create-evaluation.ts";
import type { Evaluation, Surroundings } from "../expansion/evaluation.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import type { Value } from "../expansion/value.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import type { AclRun } from "./acl-run.ts";
import { authenticationResults } from "./authentication-results/authentication-results.ts";
import { callFromExpansion } from "./call-from-expansion.ts";
import type { AclHooks, LogAbout, LogTarget } from "./hooks.ts";
import type { SessionNames } from "./session-names.ts";
import type { ClientEndpoint } from "./smtp/connection.ts";
import { SmtpConnection } from "./smtp/connection.ts";
import { noName } from "./smtp/host-name.ts";
import { SmtpMessage, type SmtpRecipient } from "./smtp/message.ts";
import { SmtpVariables } from "./smtp/variables.ts";

/** The state of one SMTP connection as its ACLs see it. */
export class AclSession {
  readonly connection: SmtpConnection;
  readonly hooks: AclHooks;
  readonly names: SessionNames;
  readonly #surroundings: SharedSurroundings;
  /** Made when they are needed: most connections are idle at most times. */
  #message: SmtpMessage | undefined;
  #evaluation: Evaluation | undefined;
  #around: Surroundings | undefined;
  /** The command that is being answered. */
  command = { text: "", argument: "" };
  /** Rates that count once for the command. */
  commandRates = new Map<string, number>();
  recipient: SmtpRecipient | undefined;
  /** `control = caseful_local_part`. */
  isCaseful = false;
  /** `$acl_verify_message` */
  verifyMessage: Value | undefined;
  /** `log_reject_target`; undefined: where refusals go by default. */
  rejectTargets: readonly LogTarget[] | undefined;
  run: AclRun | undefined;

  constructor(
    client: ClientEndpoint | SmtpConnection,
    names: SessionNames,
    surroundings: SharedSurroundings,
    hooks: AclHooks,
  ) {
    this.connection = client instanceof SmtpConnection ? client : new SmtpConnection(client);
    this.names = names;
    this.hooks = hooks;
    this.#surroundings = surroundings;
  }

  get message(): SmtpMessage {
    this.#message ??= new SmtpMessage();
    return this.#message;
  }

  get evaluation(): Evaluation {
    this.#evaluation ??= this.#newEvaluation();
    return this.#evaluation;
  }

  /** The transaction is over: what was said of it is forgotten. */
  reset(): void {
    this.#message = undefined;
    this.#evaluation = undefined;
    this.recipient = undefined;
  }

  /** Another run beside others, about one recipient: what it finds out is its own until it is joined. */
  fork(): AclSession {
    const forked = new AclSession(this.connection, this.names, this.#surroundings, this.hooks);
    forked.#message = this.message.fork();
    forked.command = this.command;
    return forked;
  }

  /** A run beside others is over: what it has found out about the message counts. */
  join(forked: AclSession): void {
    for (const [name, value] of forked.message.found) this.message.found.set(name, value);
  }

  log(targets: readonly LogTarget[], text: string, about?: LogAbout): void {
    this.hooks.log?.(targets, text, about);
  }

  /** Logs a warning, but the same one only once for a message. */
  warnOnce(text: string): void {
    const { warnings } = this.message;
    if (warnings.has(text)) return;
    if (warnings.size < MAX_WARNINGS) warnings.add(text);
    this.log(["main"], `Warning: ${text}`, { isOfClient: true });
  }

  /** `$local_part`, in the case that the controls say. */
  get localPart(): string | undefined {
    const { recipient } = this;
    if (recipient === undefined) return undefined;
    return this.isCaseful ? recipient.localPart : lowerCase(recipient.localPart);
  }

  #newEvaluation(): Evaluation {
    this.#around ??= this.#newSurroundings();
    return createEvaluation(this.#around);
  }

  #newSurroundings(): Surroundings {
    const own = new SmtpVariables(this);
    const { variables: given } = this.hooks;
    return {
      ...this.#surroundings,
      variables: given === undefined ? own : { get: (name) => given.get(name) ?? own.get(name) },
      headers: { occurrences: (name) => this.message.content?.headers.occurrences(name) ?? [] },
      authenticationResults: (id) => authenticationResults(this, id),
      callAcl: (name) => callFromExpansion(name, this),
      warn: (text) => this.log(["main", "panic"], text),
      listEnded: (text, selector) => this.log(["main"], text, selector && { selector }),
      nameNotFound: (address) => noName(this, address),
      hostNotFound: (name) => {
        const before = `no IP address found for host ${name} (during SMTP connection from `;
        this.log(["main"], ")", { selector: "host_lookup_failed", before });
      },
    };
  }
}

const MAX_WARNINGS = 100;
