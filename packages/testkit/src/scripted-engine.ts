import { type AddressInfo, createServer, type Socket } from "node:net";

/** What it does with a connection: answers (in pieces, if there are several) and closes, says nothing for ever, or closes at once. */
export type EngineAction =
  | { readonly answer: string | readonly string[] }
  /** An octet each time, and never an end. */
  | { readonly drip: string; readonly everyMs: number }
  | { readonly do: "hang" }
  | { readonly do: "cut" };

export interface ScriptedEngineOptions {
  /** Whether what has come so far is a whole request; absent: at the end of the client's side. */
  readonly isWhole?: (request: string) => boolean;
  /** @param request Octets. @param connection From 1. */
  readonly answer: (request: string, connection: number) => EngineAction;
  /** A socket's path; absent: a port of 127.0.0.1. */
  readonly path?: string;
  /** Absent: true. */
  readonly keepsRequests?: boolean;
}

export interface ScriptedEngine extends AsyncDisposable {
  /** 0 on a path. */
  readonly port: number;
  /** Whole requests, in the order of their coming; none if they are not kept. */
  readonly requests: readonly string[];
  /** How many requests have come. */
  readonly asked: number;
  /** Connections that are open. */
  readonly open: number;
  /** Most connections that were open at one time. */
  readonly mostOpen: number;
}

/** A program that looks into messages, which does as it is told: one request a connection, as dccifd, clamd and spamd have it. */
export async function startScriptedEngine({
  isWhole,
  answer,
  path,
  keepsRequests = true,
}: ScriptedEngineOptions): Promise<ScriptedEngine> {
  const requests: string[] = [];
  let asked = 0;
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let connections = 0;
  let mostOpen = 0;
  const act = async (socket: Socket, request: string, connection: number): Promise<void> => {
    asked += 1;
    if (keepsRequests) requests.push(request);
    const action = answer(request, connection);
    if ("do" in action) {
      if (action.do === "cut") socket.destroy();
      return;
    }
    if ("drip" in action) {
      let at = 0;
      const timer = setInterval(() => {
        socket.write(action.drip[at % action.drip.length] ?? "", "latin1");
        at += 1;
      }, action.everyMs);
      timers.add(timer);
      socket.once("close", () => clearInterval(timer));
      return;
    }
    for (const piece of typeof action.answer === "string" ? [action.answer] : action.answer) {
      await new Promise((resolve) => socket.write(piece, "latin1", resolve));
    }
    socket.end();
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    mostOpen = Math.max(mostOpen, sockets.size);
    let request = "";
    let isDone = false;
    const whole = (): void => {
      if (isDone) return;
      isDone = true;
      void act(socket, request, connection);
    };
    socket.on("data", (octets: Buffer) => {
      request += octets.toString("latin1");
      if (isWhole?.(request) === true) whole();
    });
    socket.on("end", () => {
      if (isWhole === undefined) whole();
      else socket.end();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === "string" ? 0 : address.port,
    requests,
    get asked() {
      return asked;
    },
    get open() {
      return sockets.size;
    },
    get mostOpen() {
      return mostOpen;
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
