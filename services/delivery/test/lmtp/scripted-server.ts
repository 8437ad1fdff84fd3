import { chmodSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** What it says: a reply, nothing ever, or goodbye without a word. */
export type Say = string | "silence" | "close";

/** By the first word of a command (`connect`, `.` for the end of data); several: one for each time. */
export type Script = Readonly<Record<string, Say | readonly Say[]>>;

const DEFAULTS: Readonly<Record<string, string>> = {
  connect: "220 ok",
  LHLO: "250-me\r\n250-PIPELINING\r\n250 IGNOREQUOTA",
  MAIL: "250 ok",
  RCPT: "250 ok",
  DATA: "354 go",
  QUIT: "221 bye",
};

/** An LMTP server on a Unix socket that says what it was told to say. */
export class ScriptedServer {
  readonly path: string;
  /** What it was told, without the content. */
  readonly commands: string[] = [];
  /** The content, with LF. */
  content = "";
  readonly #script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(path: string, script: Script): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(path, script);
    await new Promise<void>((resolve) => scripted.#server.listen(path, resolve));
    chmodSync(path, 0o777);
    return scripted;
  }

  private constructor(path: string, script: Script) {
    this.path = path;
    this.#script = script;
    this.#server = createServer((socket) => {
      // Who has gone need not be answered.
      this.#serve(socket).catch(() => socket.destroy());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    const said = new Map<string, number>();
    const say = (word: string, otherwise: string): Say => {
      const times = said.get(word) ?? 0;
      said.set(word, times + 1);
      const scripted = this.#script[word];
      const what = typeof scripted === "object" ? scripted[times] : scripted;
      const reply = what ?? otherwise;
      if (reply === "close") socket.destroy();
      else if (reply !== "silence") socket.write(`${reply}\r\n`, "latin1");
      return reply;
    };
    let accepted = 0;
    let isContent = false;
    say("connect", "220 ok");
    for await (const line of createInterface({ input: socket })) {
      if (isContent) {
        if (line !== ".") this.content += `${line}\n`;
        if (line !== ".") continue;
        isContent = false;
        for (let i = 0; i < accepted; i++) say(".", `250 dot ok ${i}`);
        continue;
      }
      this.commands.push(line);
      const word = line.slice(0, 4);
      const reply = say(word, DEFAULTS[word] ?? "250 ok");
      if (word === "RCPT" && reply.startsWith("250")) accepted++;
      if (word === "DATA" && reply.startsWith("354")) isContent = true;
      if (word === "QUIT") socket.end();
    }
  }
}
