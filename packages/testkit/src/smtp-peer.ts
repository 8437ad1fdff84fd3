import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";

/** Where in the session the peer is asked what to do: a command's word, or one of the moments without a command. */
export type PeerMoment =
  | "connect"
  | "EHLO"
  | "LHLO"
  | "HELO"
  | "AUTH"
  | "STARTTLS"
  | "MAIL"
  | "RCPT"
  | "DATA"
  /** With its chunk. */
  | "BDAT"
  /** The first octets behind 354 have come. */
  | "content"
  | "end of data"
  | "RSET"
  | "QUIT"
  | "other";

/**
 * What it does: replies (lines joined by LF; a CRLF is put behind), says nothing for ever, or closes. With
 * `close: true` it replies and closes, with `afterMs` it takes its time, with `raw` it sends exactly these octets.
 */
export type PeerAction =
  | string
  | { readonly do: "stall" }
  | { readonly do: "cut" }
  | { readonly reply: string; readonly close: true }
  | { readonly reply: string; readonly afterMs: number }
  | { readonly raw: string };

export interface PeerMessage {
  readonly returnPath: string;
  readonly recipients: readonly string[];
  /** As it came, dots taken out, CRLF line ends. */
  readonly content: string;
  readonly isTls: boolean;
}

export interface PeerQuestion {
  readonly moment: PeerMoment;
  /** The whole line, without its end. */
  readonly line: string;
  /** From 1. */
  readonly connection: number;
}

export interface SmtpPeerOptions {
  /** Undefined: what a friendly server does. */
  readonly answer?: ((question: PeerQuestion) => PeerAction | undefined) | undefined;
  /** Keywords of EHLO. */
  readonly keywords?: readonly string[];
  /** For STARTTLS, which is offered if this is there. */
  readonly tls?: SecureContext;
  /** TLS comes before the greeting. */
  readonly startsWithTls?: boolean;
}

export interface SmtpPeer {
  readonly port: number;
  readonly messages: readonly PeerMessage[];
  /** Commands of all connections in the order of their coming. */
  readonly commands: readonly string[];
  readonly connectionCount: number;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  /** Closes every connection, as a server does that is restarted. */
  cutAll(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

const FRIENDLY: Partial<Record<PeerMoment, string>> = {
  connect: "220 peer.test ESMTP",
  DATA: "354 go",
  QUIT: "221 bye",
};
const words = new Set<string>([
  "EHLO",
  "LHLO",
  "HELO",
  "AUTH",
  "STARTTLS",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "RSET",
  "QUIT",
]);

/** A next hop that does as the test says, at every moment of the session; for everything that servers get wrong. */
export async function startSmtpPeer(options: SmtpPeerOptions = {}): Promise<SmtpPeer> {
  const messages: PeerMessage[] = [];
  const commands: string[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer({ noDelay: true });
  let connectionCount = 0;
  server.on("connection", (socket) => {
    const connection = ++connectionCount;
    open.add(socket);
    socket.on("error", () => {}); // Clients that are cut off in mid-session end here; that is the point of the test.
    socket.on("close", () => {
      open.delete(socket);
      if (open.size === 0) server.emit("idle");
    });
    new PeerConnection(socket, options, { connection, messages, commands });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    commands,
    get connectionCount() {
      return connectionCount;
    },
    async idle() {
      if (open.size > 0) await once(server, "idle");
    },
    cutAll,
    [Symbol.asyncDispose]: () => {
      cutAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface PeerRecord {
  readonly connection: number;
  readonly messages: PeerMessage[];
  readonly commands: string[];
}

interface Chunk {
  readonly line: string;
  readonly octets: number;
  readonly isLast: boolean;
}

class PeerConnection {
  readonly #options: SmtpPeerOptions;
  readonly #record: PeerRecord;
  #socket: Socket;
  #text = "";
  #isTls = false;
  #isMute = false;
  #content: string[] | undefined;
  #returnPath = "";
  #recipients: string[] = [];
  /** The command whose chunk is awaited. */
  #chunk: Chunk | undefined;
  #chunks = "";

  constructor(socket: Socket, options: SmtpPeerOptions, record: PeerRecord) {
    this.#socket = socket;
    this.#options = options;
    this.#record = record;
    if (options.startsWithTls) this.#startTls();
    else this.#listen(socket);
    this.#answer("connect", "");
  }

  #listen(socket: Socket): void {
    socket.on("data", (octets: Buffer) => {
      this.#text += octets.toString("latin1");
      this.#readLines();
    });
  }

  #readLines(): void {
    while (!this.#isMute) {
      if (this.#chunk !== undefined && !this.#takeChunk(this.#chunk)) return;
      const end = this.#text.indexOf("\r\n");
      if (end === -1) return;
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      if (this.#content === undefined) this.#command(line);
      else this.#contentLine(line);
    }
  }

  #command(line: string): void {
    this.#record.commands.push(line);
    const word = /^[A-Za-z]+/.exec(line)?.[0].toUpperCase() ?? "";
    const moment = words.has(word) ? (word as PeerMoment) : "other";
    if (moment === "BDAT") {
      const [, octets = "0", last] = /^BDAT ([0-9]+)( LAST)?$/i.exec(line) ?? [];
      this.#chunk = { line, octets: Number(octets), isLast: last !== undefined };
      return;
    }
    const done = this.#answer(moment, line);
    if (!/^[23]/.test(done)) return;
    if (moment === "MAIL") this.#returnPath = /<(.*)>/.exec(line)?.[1] ?? "";
    if (moment === "MAIL" || moment === "RSET") this.#recipients = [];
    if (moment === "RCPT") this.#recipients.push(/<(.*)>/.exec(line)?.[1] ?? "");
    if (moment === "DATA" && done.startsWith("354")) this.#content = [];
    if (moment === "STARTTLS") this.#startTls();
    if (moment === "QUIT") this.#socket.end();
  }

  /** @returns Whether it is there. */
  #takeChunk({ line, octets, isLast }: Chunk): boolean {
    if (this.#text.length < octets) return false;
    this.#chunks += this.#text.slice(0, octets);
    this.#text = this.#text.slice(octets);
    this.#chunk = undefined;
    const done = this.#answer("BDAT", line);
    if (isLast && done.startsWith("2")) this.#received(this.#chunks);
    if (isLast) this.#chunks = "";
    return true;
  }

  #received(content: string): void {
    this.#record.messages.push({
      returnPath: this.#returnPath,
      recipients: this.#recipients,
      content,
      isTls: this.#isTls,
    });
  }

  #contentLine(line: string): void {
    const content = this.#content ?? [];
    if (content.length === 0 && this.#options.answer?.(this.#question("content", line)) !== undefined) {
      this.#answer("content", line);
    }
    if (line !== ".") {
      content.push(line.startsWith(".") ? line.slice(1) : line);
      return;
    }
    this.#content = undefined;
    if (this.#isMute) return;
    const done = this.#answer("end of data", line);
    if (!done.startsWith("2")) return;
    this.#received(content.map((text) => `${text}\r\n`).join(""));
  }

  #question(moment: PeerMoment, line: string): PeerQuestion {
    return { moment, line, connection: this.#record.connection };
  }

  /** @returns The reply that was given. */
  #answer(moment: PeerMoment, line: string): string {
    const action = this.#options.answer?.(this.#question(moment, line)) ?? this.#friendly(moment);
    if (typeof action === "string") {
      this.#say(action);
      return action;
    }
    if ("raw" in action) {
      this.#socket.write(action.raw, "latin1");
      return action.raw;
    }
    this.#isMute = true;
    if ("afterMs" in action) {
      setTimeout(() => {
        this.#isMute = false;
        this.#say(action.reply);
        this.#readLines();
      }, action.afterMs);
      return action.reply;
    }
    if ("reply" in action) this.#socket.end(`${action.reply.replaceAll("\n", "\r\n")}\r\n`, "latin1");
    else if (action.do === "cut") this.#socket.destroy();
    return "";
  }

  #say(reply: string): void {
    this.#socket.write(`${reply.replaceAll("\n", "\r\n")}\r\n`, "latin1");
  }

  #friendly(moment: PeerMoment): string {
    if (moment !== "EHLO" && moment !== "LHLO") return FRIENDLY[moment] ?? "250 ok";
    const { keywords = ["PIPELINING", "SIZE", "8BITMIME"], tls } = this.#options;
    const lines = ["peer.test", ...keywords, ...(tls !== undefined && !this.#isTls ? ["STARTTLS"] : [])];
    return lines.map((text, i) => `250${i === lines.length - 1 ? " " : "-"}${text}`).join("\n");
  }

  #startTls(): void {
    const { tls } = this.#options;
    if (tls === undefined) return;
    this.#socket.removeAllListeners("data");
    const secure = new TLSSocket(this.#socket, { isServer: true, secureContext: tls });
    secure.on("error", () => {}); // The client's business.
    this.#isTls = true;
    this.#socket = secure;
    this.#listen(secure);
  }
}
