import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import { DeferError } from "@postbus/mail";
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import { type CalloutPeer, type PeerWord, ReplyParser } from "@postbus/smtp";
import type { EventHop } from "../events/attempt-events.ts";
import type { CalloutEvents } from "../events/callout-events.ts";
import { REFUSED_AT_GREETING } from "../events/connection-tap.ts";
import type { ClientContexts } from "../smtp/client-contexts.ts";
import { localEnd } from "../smtp/host-facts.ts";
import { hopLabel, type NextHop } from "../smtp/next-hop.ts";
import type { ProxiedSocket } from "../smtp/proxied-socket.ts";
import { startTls } from "../smtp/start-tls.ts";
import { strerror, systemError } from "../system-error.ts";

export interface CalloutConnectionOptions {
  readonly hop: NextHop;
  readonly transport: Pick<SmtpTransport, "startsWithTls" | "minDhBits">;
  readonly terms: HostTerms;
  readonly contexts: ClientContexts;
  readonly connectTimeoutMs: number;
  /** A connection that is there already, through a proxy. */
  readonly proxied?: Extract<ProxiedSocket, { readonly socket: Socket }> | undefined;
  /** For each reply. */
  readonly timeoutMs: number;
  /** Time is up for all of it. */
  readonly signal: AbortSignal;
  readonly events: CalloutEvents;
}

/** A connection over which one host is asked, command by command. */
export class CalloutConnection implements CalloutPeer, Disposable {
  readonly label: string;
  readonly #options: CalloutConnectionOptions;
  readonly #replies = new ReplyParser();
  #socket: Socket;
  #isConnected = false;
  /** Why nothing more comes. */
  #loss: PeerWord | undefined;
  #wake: (() => void) | undefined;
  #octets = 0;
  readonly #onAbort = (): void => this.#lose({ kind: "timeout" });

  constructor(options: CalloutConnectionOptions) {
    const { hop, signal, proxied } = options;
    this.label = hopLabel(hop);
    this.#options = options;
    this.#isConnected = proxied !== undefined;
    this.#socket = proxied?.socket ?? this.#open();
    this.#listen(this.#socket);
    if (proxied !== undefined) {
      if (proxied.rest.length > 0) this.#replies.push(proxied.rest);
      this.#socket.resume();
    }
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  #open(): Socket {
    const { hop, terms } = this.#options;
    const localAddress = localEnd(terms.interfaces, hop.address);
    const socket = connect({
      host: hop.address,
      port: hop.port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    return socket.once("connect", () => {
      this.#isConnected = true;
      this.#wake?.();
    });
  }

  /** @returns why there is no connection, in the system's words. */
  async connected(): Promise<string | undefined> {
    const loss = await this.#until(this.#options.connectTimeoutMs, () => (this.#isConnected ? CONNECTED : undefined));
    if (loss === CONNECTED) return undefined;
    return loss.kind === "error" ? loss.text : strerror(constants.errno.ETIMEDOUT);
  }

  say(command: string | undefined): Promise<PeerWord> {
    if (command !== undefined && this.#loss === undefined) this.#socket.write(`${command}\r\n`, "latin1");
    return this.#until(this.#options.timeoutMs, () => {
      const parsed = this.#replies.next();
      return parsed.kind === "incomplete" ? undefined : parsed;
    });
  }

  /** @throws {DeferError} our own files are at fault: clear text instead would be what nobody has asked for. */
  async startTls(): Promise<string | undefined> {
    // What stands behind the reply to STARTTLS was said in the clear (CVE-2021-38371).
    if (this.#replies.hasRest) return "synch error before connect";
    const { hop, transport, terms, contexts, events, timeoutMs } = this.#options;
    this.#socket.removeAllListeners("data");
    let end: { readonly problem?: string; readonly fault?: unknown } | undefined;
    const ended = (how: typeof end): void => {
      end = how;
      this.#wake?.();
    };
    const wants = { hop, transport, terms, contexts, isVerified: false, events: events.judges ? events : undefined };
    startTls(this.#socket, wants, {
      started: (socket) => {
        this.#socket = socket;
        this.#listen(socket);
      },
      ended: (how) => {
        for (const line of how.lines ?? []) events.note(`[${hop.address}] ${line}`);
        ended("problem" in how ? { problem: how.problem } : {});
      },
      unable: ({ text }) => ended({ fault: new DeferError("callout", text) }),
      broken: (fault) => ended({ fault }),
      isNeeded: () => this.#loss === undefined,
    });
    const loss = await this.#until(timeoutMs, () => (end === undefined ? undefined : CONNECTED));
    if (end?.fault !== undefined) throw end.fault;
    return loss === CONNECTED ? end?.problem : `handshake: ${loss.kind}`;
  }

  async greeted(banner: string): Promise<string> {
    const { events, transport } = this.#options;
    // As in Exim.
    if (transport.startsWithTls) return "";
    const why = await events.greeted(this.#ends, banner);
    return why === "" ? "" : REFUSED_AT_GREETING + why;
  }

  async introduced(reply: string): Promise<void> {
    await this.#options.events.introduced(this.#ends, reply);
  }

  get #ends(): EventHop {
    const { localAddress, localPort } = this.#socket;
    return { ...this.#options.hop, localAddress, localPort };
  }

  /** Takes leave, without waiting. */
  [Symbol.dispose](): void {
    const { signal, events } = this.#options;
    signal.removeEventListener("abort", this.#onAbort);
    if (this.#isConnected) events.closed(this.#ends);
    if (this.#loss === undefined) this.#socket.end("QUIT\r\n");
    this.#loss ??= { kind: "closed" };
    // The reply is worth a second at most.
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), LEAVE_MS).unref();
  }

  #listen(socket: Socket): void {
    socket.on("data", (octets: Buffer) => {
      if (this.#loss !== undefined) return;
      this.#octets += octets.length;
      if (this.#octets > MAX_OCTETS) return this.#lose({ kind: "malformed", text: "" });
      this.#replies.push(octets);
      this.#wake?.();
    });
    socket.on("error", (err) => {
      const { errno = 0, text = err.message } = systemError(err) ?? {};
      this.#lose({ kind: "error", errno, text });
    });
    socket.on("end", () => this.#lose({ kind: "closed" }));
    socket.on("close", () => this.#lose({ kind: "closed" }));
  }

  #lose(loss: PeerWord): void {
    this.#loss ??= loss;
    if (loss.kind !== "closed") this.#socket.destroy();
    this.#wake?.();
  }

  async #until(timeoutMs: number, found: () => PeerWord | undefined): Promise<PeerWord> {
    const timer = setTimeout(() => this.#lose({ kind: "timeout" }), timeoutMs);
    try {
      for (;;) {
        // What came before the connection went counts.
        const word = found() ?? this.#loss;
        if (word !== undefined) return word;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }
}

const LEAVE_MS = 1_000;
/** Of replies to some ten commands. */
const MAX_OCTETS = 256 * 1024;

/** Stands for "done" where no reply is waited for. */
const CONNECTED: PeerWord = { kind: "reply", reply: { code: 0, text: "" } };
