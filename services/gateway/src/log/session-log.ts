import type { Written } from "@postbus/contracts";
import type { EarlyInput } from "@postbus/smtp";
import type { Surroundings } from "../surroundings.ts";
import { type LoggedClient, loggedClient } from "./logged-client.ts";

/** Whom lines are about. */
export interface LoggedSession extends LoggedClient {
  /** Monotonic milliseconds, when the connection was taken. */
  readonly startedMs: number;
  readonly commandHistory: string;
  readonly session: { readonly hasMail: boolean };
  /** Who it is, if it has shown that. */
  readonly authentication: LoggedAuthentication | undefined;
  readonly envelope: { readonly returnPath: string; readonly recipients: readonly string[] } | undefined;
}

/**
 * Lines of the log about one connection that selectors ask for (Exim's manual, "Reducing or increasing what is logged").
 * One that is not selected costs a look into a set.
 */
export class SessionLog {
  readonly #session: LoggedSession;
  readonly #surroundings: Pick<Surroundings, "policy" | "rejections" | "messageIds">;
  #isUnlogged = false;
  /** A sender was accepted, and no message has come of it yet. */
  #isOpen = false;

  /** `dropped` has said how it ended. */
  #isDropTold = false;

  constructor(session: LoggedSession, surroundings: Pick<Surroundings, "policy" | "rejections" | "messageIds">) {
    this.#session = session;
    this.#surroundings = surroundings;
  }

  /** @param isUnlogged Neither that it has come is told, nor that it has gone. */
  connected(count: number, isUnlogged = false): void {
    this.#isUnlogged = isUnlogged;
    if (isUnlogged || !this.#isLogged("smtp_connection")) return;
    this.#write({ before: "SMTP connection from ", text: ` (TCP/IP connection count = ${count})` });
  }

  /** A sender was accepted. */
  transactionBegun(): void {
    this.#isOpen = true;
  }

  /** The content has come. */
  transactionEnded(): void {
    this.#isOpen = false;
  }

  /** A command that has a wrong form, or a wrong place (503). */
  error(command: string, code: number, text: string): void {
    // As in Exim, which has no reason for the last of them: that of RCPT is one of syntax.
    const isProtocol = code === 503 || code === 504 || code === 554 || text === "MAIL must have an address operand";
    if (!this.#isLogged(isProtocol ? "smtp_protocol_error" : "smtp_syntax_error")) return;
    const what = isProtocol ? "protocol" : "syntax";
    // The reply repeats the address, which stands in the command already.
    const colon = text.indexOf(": ");
    const why = colon > 0 && command.includes(text.slice(0, colon)) ? text.slice(colon + 2) : text;
    this.#write({ before: `SMTP ${what} error in "${command}" H=`, text: ` ${why}` });
  }

  /** The session was ended because of what the client has done. */
  dropped(text: string): void {
    this.#isDropTold = true;
    this.#write({ before: "SMTP call from ", text: ` dropped: ${text}`, targets: ["main", "reject"] });
  }

  /** The client has not waited for its turn. */
  outOfSync(command: string, { text, octets, isBeforeGreeting, mayPipeline }: EarlyInput): void {
    const what = "SMTP protocol synchronization error";
    const early = `input="${escapedInput(text)}"`;
    const targets: Written["targets"] = ["main", "reject"];
    if (isBeforeGreeting) {
      const before = `${what} (input sent without waiting for greeting): rejected connection from H=`;
      this.#write({ before, text: ` ${early}`, targets });
      return;
    }
    const offered = mayPipeline ? "was" : "was not";
    const before = `${what} (next input sent too soon: pipelining ${offered} advertised): rejected "${command}" H=`;
    this.#write({ before, text: ` next ${early} (${octets} bytes)`, targets });
  }

  /** HELO, EHLO or MAIL is not looked at. @param what `MAIL from`. */
  notGreeted(what: string, text: string): void {
    this.#write({ before: `rejected ${what} `, text: `: ${text}`, targets: ["main", "reject"] });
  }

  /** An address lacks its domain, and this client may not leave it out. @param path As it came. */
  unqualified(what: "sender" | "recipient" | "verify", path: string): void {
    this.#write({ before: `unqualified ${what} rejected: ${path} H=`, targets: ["main", "reject"] });
  }

  /** Whatever is answered. */
  etrn(argument: string): void {
    if (!this.#isLogged("etrn")) return;
    this.#write({ before: `ETRN ${argument} received from ` });
  }

  /** `recipients_max` is reached. @param what Becomes of it: `message rejected`. */
  tooManyRecipients(what: string): void {
    const sender = this.#session.envelope?.returnPath ?? "";
    this.#write({ before: `too many recipients: ${what}: sender=<${sender}> H=`, targets: ["main", "reject"] });
  }

  /** A recipient was accepted, and nobody will get anything. @param why For the log only. */
  discarded(recipient: string, by: "MAIL" | "RCPT", why: string | undefined): void {
    const sender = this.#session.envelope?.returnPath ?? "";
    const text = ` F=<${sender}> RCPT ${recipient}: discarded by ${by} ACL${why === undefined ? "" : `: ${why}`}`;
    this.#write({ before: "H=", text, targets: ["main", "reject"] });
  }

  /** MAIL was refused before anybody was asked about it. @param selector Without it, that is in the rejectlog only. */
  refusedMail(what: string, text: string, selector?: string): void {
    const isInMainlog = selector === undefined || this.#isLogged(selector);
    const targets: Written["targets"] = isInMainlog ? ["main", "reject"] : ["reject"];
    this.#write({ before: `rejected ${what} H=`, text: `: ${text}`, targets });
  }

  /** A transaction ends without a message. @param how `QUIT`, `RSET`, `connection lost`. */
  incomplete(how: string): void {
    const { envelope } = this.#session;
    const isOpen = this.#isOpen;
    this.#isOpen = false;
    if (!isOpen || envelope === undefined || !this.#isLogged("smtp_incomplete_transaction")) return;
    const { returnPath, recipients } = envelope;
    const to = recipients.length === 0 ? "" : ` for ${recipients.join(" ")}`;
    this.#write({ before: "H=", text: ` incomplete transaction (${how}) from <${returnPath}>${to}` });
  }

  /** The client has left after its message, and before the reply. */
  lostAfterDot(): void {
    this.#write({ before: "SMTP connection lost after final dot H=" });
  }

  /** We have waited too long. */
  timedOut(isContent: boolean): void {
    if (!this.#isLogged("lost_incoming_connection")) return;
    const what = isContent ? "data timeout (message abandoned)" : "command timeout";
    const sender = isContent ? ` F=<${this.#session.envelope?.returnPath ?? ""}>` : "";
    this.#write({ before: `SMTP ${what} on connection from `, between: sender, isTimed: true });
  }

  /** The connection is over. @param how `quit`, by an ACL, `lost` by the client, or `ended` by us, which has its own line. */
  closed(how: "quit" | "drop" | "lost" | "ended", at: "header" | "content" | "transaction" | "between"): void {
    if (how === "lost" && (at === "header" || at === "content")) {
      if (!this.#isLogged("lost_incoming_connection")) return;
      const where = at === "header" ? " (header)" : " (after header)";
      this.#connectionLine(` lost while reading message data${where}`, false);
    } else if (how === "lost" && at === "transaction") {
      this.incomplete("connection lost");
      if (this.#isLogged("lost_incoming_connection")) {
        this.#write({ before: "unexpected disconnection while reading SMTP command from ", isTimed: true });
      }
    } else if (how !== "ended" && !(how === "lost" && this.#isDropTold)) {
      this.#connectionLine(ENDS[how], true);
    }
    if (this.#session.session.hasMail || !this.#isLogged("smtp_no_mail")) return;
    const { commandHistory } = this.#session;
    const by = this.#session.authentication === undefined ? "" : authenticationField(this.#session.authentication);
    const text = by + (commandHistory === "" ? "" : ` C=${commandHistory.replaceAll(" ", "")}`);
    this.#write({ before: "no MAIL in SMTP connection from ", text, isTimed: true });
  }

  #isLogged(selector: string): boolean {
    return this.#surroundings.policy.log.selectors.has(selector);
  }

  /** Those lines have the connection's id in another place, and Exim's way with the word "lost". */
  #connectionLine(text: string, isTimed: boolean): void {
    if (isTimed && (this.#isUnlogged || !this.#isLogged("smtp_connection"))) return;
    const id = this.#isLogged("connection_id") ? `Ci=${this.#session.connectionId} ` : "";
    const isLost = isTimed && text === " lost";
    this.#write({
      before: `SMTP connection ${id}from `,
      ...(isLost ? { between: text, text: "" } : { text }),
      isTimed,
      isIdElsewhere: true,
    });
  }

  #write(line: {
    readonly before: string;
    /** Between the client and the time. */
    readonly between?: string;
    readonly text?: string;
    readonly targets?: Written["targets"];
    readonly isTimed?: boolean;
    readonly isIdElsewhere?: boolean;
  }): void {
    const { policy, rejections, messageIds } = this.#surroundings;
    const { connectionId, ...client } = loggedClient(this.#session, policy.log.selectors);
    const event: Written = {
      v: 1,
      id: `${messageIds.next()}/line`,
      atMs: Date.now(),
      service: "gateway",
      name: "log:line",
      before: line.before,
      ...client,
      ...(connectionId === undefined || line.isIdElsewhere === true ? {} : { connectionId }),
      ...(line.between === undefined ? {} : { between: line.between }),
      ...(line.isTimed === true ? { tookMs: Math.round(performance.now() - this.#session.startedMs) } : {}),
      ...(line.targets === undefined ? {} : { targets: line.targets }),
      text: line.text ?? "",
    };
    rejections.add(event);
  }
}

/** In whose words the line about a connection ends. */
const ENDS = { quit: " closed by QUIT", drop: " closed by DROP in ACL", lost: " lost" } as const;

/** Name of the authenticator, and `$authenticated_id`; empty: it has none. */
export interface LoggedAuthentication {
  readonly by: string;
  readonly id: string;
}

const authenticationField = ({ by, id }: LoggedAuthentication): string => ` A=${by}${id === "" ? "" : `:${id}`}`;

/** What came too early, in one line. Behind AUTH may be a password: nothing of that, and of what follows, is shown. */
function escapedInput(text: string): string {
  const auth = /^AUTH[ \t]+\S+/im.exec(text);
  const shown = auth === null ? text : `${text.slice(0, auth.index)}${auth[0]}`;
  return shown.replaceAll("\\", "\\\\");
}
