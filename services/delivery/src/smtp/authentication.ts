import { DeferError } from "@postbus/mail";
import type { ClientAuthenticator, ClientExchange, ClientStep, ConnectionView, Eventual } from "@postbus/policy";
import { failureText } from "@postbus/policy";
import { type ClientSession, errnos, type PeerReply, printable, type Step } from "@postbus/smtp";
import { hopLabel } from "./next-hop.ts";

/** Turns of one exchange: more than any mechanism has. */
const MAX_TURNS = 20;

export interface AuthenticationOptions {
  readonly session: ClientSession;
  /** In the order in which they are tried. */
  readonly authenticators: readonly ClientAuthenticator[];
  readonly view: ConnectionView;
  /** What is to be done on the connection. */
  readonly act: (steps: readonly Step[]) => void;
  /** For the log. */
  readonly note: (text: string) => void;
  /** We are known to the host now. */
  readonly passed: (authenticator: string, id: string | undefined) => void;
}

/** Our side of AUTH (RFC 4954): the policy's authenticators, one after the other, as far as the host offers them. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  #mechanisms: readonly string[] = [];
  #next = 0;
  /** The one whose turn it is, and what it does with the host's next challenge. */
  #current: { readonly authenticator: ClientAuthenticator; readonly exchange: ClientExchange } | undefined;
  #answered: ((challenge: string) => Eventual<ClientStep>) | undefined;
  /** Why an exchange was broken off; undefined: none is being broken off. */
  #cancelled: ClientStep | undefined;
  #turns = 0;
  #hasTried = false;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** @param mechanisms That the host offers. */
  begin(mechanisms: readonly string[]): Promise<void> {
    this.#mechanisms = mechanisms;
    return this.#guarded(() => this.#tryNext());
  }

  /** What the host says to the last line. */
  reply(reply: PeerReply): Promise<void> {
    return this.#guarded(() => this.#take(reply));
  }

  /** What cannot be found out for now ends the session; what is a bug, too, and is thrown on. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (err) {
      const text = err instanceof DeferError ? err.message : failureText(err);
      if (text === undefined) throw err;
      this.#fail(text);
    }
  }

  async #tryNext(): Promise<void> {
    const { authenticators, view, session, act } = this.#options;
    for (;;) {
      const authenticator = authenticators[this.#next++];
      if (authenticator === undefined) break;
      if (!this.#mechanisms.includes(authenticator.publicName)) continue;
      const exchange = authenticator.exchange(view);
      if (!(await exchange.isWanted())) continue;
      this.#current = { authenticator, exchange };
      this.#turns = 0;
      const step = await exchange.begin();
      if (step.kind === "send") return this.#send(step, `AUTH ${authenticator.publicName}`);
      if (step.kind === "error") return this.#fail(step.text);
      if (step.why !== undefined) this.#noteCancelled(step.why);
    }
    act(session.authDone(this.#hasTried ? "authentication attempt(s) failed" : "no common mechanisms were found"));
  }

  #send(step: ClientStep & { readonly kind: "send" }, command?: string): void {
    const { session, act } = this.#options;
    this.#hasTried = true;
    this.#answered = step.answered;
    const data = step.octets === undefined ? undefined : Buffer.from(step.octets, "latin1").toString("base64");
    // RFC 4954 §4: an empty initial response is `=`.
    const line = command === undefined ? (data ?? "") : data === undefined ? command : `${command} ${data || "="}`;
    const shown = line.slice(command?.length ?? 0).replace(/[^ ]/g, "*");
    act(session.authSend(line, `${command ?? ""}${shown}`));
  }

  async #take(reply: PeerReply): Promise<void> {
    const { session, act, note, passed, view } = this.#options;
    const { authenticator, exchange } = this.#current ?? {};
    if (authenticator === undefined || exchange === undefined) return;
    const cancelled = this.#cancelled;
    if (cancelled !== undefined && reply.code !== 421) {
      this.#cancelled = undefined;
      if (cancelled.kind === "error") return this.#fail(cancelled.text);
      return this.#tryNext();
    }
    if (reply.code < 300) {
      passed(authenticator.name, await exchange.id());
      act(session.authDone());
    } else if (reply.code < 400) {
      await this.#challenged(authenticator, reply);
    } else if (reply.code >= 500) {
      note(`${authenticator.name} authenticator failed H=${hopLabel(view.host)} ${printable(reply.text)}`);
      await this.#tryNext();
    } else {
      act(session.authRefused(reply));
    }
  }

  async #challenged({ takesAnyChallenge }: ClientAuthenticator, reply: PeerReply): Promise<void> {
    const text = reply.text.slice(4);
    const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
    if (++this.#turns > MAX_TURNS) return this.#cancel({ kind: "cancel", why: "the host asks for ever" });
    if (!isBase64 && !takesAnyChallenge) {
      return this.#cancel({ kind: "cancel", why: `Invalid base64 string from server "${printable(reply.text)}"` });
    }
    const challenge = isBase64 ? Buffer.from(text, "base64").toString("latin1") : text;
    const step = (await this.#answered?.(challenge)) ?? ({ kind: "cancel" } as const);
    if (step.kind === "send") this.#send(step);
    else this.#cancel(step);
  }

  /** RFC 4954 §4: `*` breaks the exchange off; the host says something to it. */
  #cancel(step: ClientStep): void {
    const { session, act } = this.#options;
    if (step.kind === "cancel" && step.why !== undefined) this.#noteCancelled(step.why);
    this.#cancelled = step;
    act(session.authSend("*", "*"));
  }

  #noteCancelled(why: string): void {
    const { note, view } = this.#options;
    const name = this.#current?.authenticator.name;
    note(`${name} authenticator cancelled authentication H=${hopLabel(view.host)} ${why}`);
  }

  #fail(text: string): void {
    const { session, act } = this.#options;
    const name = this.#current?.authenticator.name;
    act(session.authFailed({ errno: errnos.authenticator, text: `${text} in ${name} authenticator` }));
  }
}
