import type { Socket } from "node:net";
import type { SmtpTransport } from "@postbus/policy";
import type { OpenFailure } from "../smtp/open-failure.ts";
import type { AttemptEvents, EventHop } from "./attempt-events.ts";

/** Of a reply, what is shown to an action. */
const MAX_REPLY = 16_384;
/** The last line of a reply. */
const LAST_LINE = /^[0-9]{3}(?: .*)?$/;

export interface TapOptions {
  readonly events: AttemptEvents;
  /** TLS comes before the greeting: as in Exim, the action is not shown that. */
  readonly startsWithTls: boolean;
  /** With our end of the connection. */
  hop(): EventHop;
  /** Octets that the session may have now. */
  pass(octets: Buffer): void;
  /** An action does not want this host. */
  refuse(failure: OpenFailure): void;
}

interface Tapped {
  readonly events?: AttemptEvents | undefined;
  readonly hop: EventHop;
  readonly transport: Pick<SmtpTransport, "startsWithTls">;
}

/** In front of what the action of `smtp:connect` says. */
export const REFUSED_AT_GREETING = "deferred by smtp:connect event expansion: ";
/** Exim's number for `smtp:connect` whose action says no. */
const EVENT_REFUSED = -27;

/**
 * Stands between a host and our session until the first message: the greeting and the replies to EHLO or HELO are shown to
 * the transport's `event_action` before the session sees them, and what comes meanwhile waits.
 */
export class ConnectionTap {
  readonly #options: TapOptions;
  #held: Buffer[] = [];
  #text = "";
  #lines: string[] = [];
  #awaits: "greeting" | "introduction" | undefined;
  #isRunning = false;
  #isOver = false;

  /** For a connection; undefined: nobody wants to see anything. @param socket The one of now. */
  static of(
    { events, hop, transport }: Tapped,
    socket: () => Pick<Socket, "localAddress" | "localPort">,
    owner: Pick<TapOptions, "pass" | "refuse">,
  ): ConnectionTap | undefined {
    if (events === undefined) return undefined;
    const hopNow = (): EventHop => {
      const { localAddress, localPort } = socket();
      return { ...hop, localAddress, localPort };
    };
    const { startsWithTls } = transport;
    return new ConnectionTap({ events, startsWithTls, hop: hopNow, ...owner });
  }

  constructor(options: TapOptions) {
    this.#options = options;
    this.#awaits = options.startsWithTls ? undefined : "greeting";
  }

  /** From the host. */
  receive(octets: Buffer): void {
    if (this.#awaits === undefined && !this.#isRunning) {
      this.#options.pass(octets);
      return;
    }
    // The buffer is used again for what comes next.
    this.#held.push(Buffer.from(octets));
    if (!this.#isRunning) this.#look(octets);
  }

  /** To the host. */
  sent(text: string): void {
    if (/^(?:EHLO|HELO|LHLO) /.test(text)) this.#awaits = "introduction";
  }

  /** The connection is gone: nobody waits for an answer any more. @param wasConnected There was one. */
  end(wasConnected: boolean): void {
    this.#isOver = true;
    if (wasConnected) this.#options.events.closed(this.#options.hop());
  }

  #look(octets: Buffer): void {
    this.#text += octets.toString("latin1");
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      const line = this.#text.slice(0, end).replace(/\r$/, "");
      this.#text = this.#text.slice(end + 1);
      this.#lines.push(line);
      if (LAST_LINE.test(line)) {
        void this.#show();
        return;
      }
    }
    // No reply of a host that can be served is so long: the session says what is wrong with it.
    if (this.#text.length + this.#lines.join("").length > MAX_REPLY) this.#letThrough();
  }

  async #show(): Promise<void> {
    const { events, hop, refuse } = this.#options;
    const reply = this.#lines.join("\n");
    this.#isRunning = true;
    if (this.#awaits === "greeting") {
      const why = await events.greeted(hop(), reply);
      if (why !== "" && !this.#isOver) {
        this.#held = [];
        const text = REFUSED_AT_GREETING + why;
        refuse({ errno: EVENT_REFUSED, text, isPermanent: false, isTls: false, isConnect: false });
        return;
      }
    } else {
      await events.introduced(hop(), reply);
    }
    this.#letThrough();
  }

  #letThrough(): void {
    const held = Buffer.concat(this.#held);
    this.#held = [];
    this.#lines = [];
    this.#text = "";
    this.#awaits = undefined;
    this.#isRunning = false;
    if (!this.#isOver) this.#options.pass(held);
  }
}
