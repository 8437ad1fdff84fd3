import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { OutgoingProxy } from "@postbus/policy";

export interface TestProxy {
  readonly port: number;
  readonly targets: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server of SOCKS 5 that does what RFC 1928 and RFC 1929 say, and no more. @param reply Other than success. */
export async function startSocks({ login, reply = 0 }: { login?: string; reply?: number } = {}): Promise<TestProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => undefined);
    const read = reader(client);
    serve(client, read).catch(() => client.destroy());
  });
  async function serve(client: Socket, read: (octets: number) => Promise<Buffer>): Promise<void> {
    const [version, count = 0] = await read(2);
    const methods = await read(count);
    const wanted = login === undefined ? 0 : 2;
    if (version !== 5 || !methods.includes(wanted)) {
      client.end(Buffer.from([5, 0xff]));
      return;
    }
    client.write(Buffer.from([5, wanted]));
    if (login !== undefined) {
      const [, nameLength = 0] = await read(2);
      const name = (await read(nameLength)).toString();
      const [passwordLength = 0] = await read(1);
      const password = (await read(passwordLength)).toString();
      client.write(Buffer.from([1, `${name}:${password}` === login ? 0 : 1]));
      if (`${name}:${password}` !== login) return;
    }
    const [, , , type = 0] = await read(4);
    const address = [...(await read(type === 1 ? 4 : 16))].join(".");
    const port = (await read(2)).readUInt16BE();
    targets.push(`${address}:${port}`);
    if (reply !== 0) {
      client.end(Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]));
      return;
    }
    const host = connect(port, address);
    sockets.add(host);
    host.on("error", () => client.destroy());
    await once(host, "connect");
    client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
    client.removeAllListeners("data");
    client.pipe(host).pipe(client);
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    targets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Exactly so many octets at a time. */
function reader(socket: Socket): (octets: number) => Promise<Buffer> {
  let buffered = Buffer.alloc(0);
  let wake = (): void => undefined;
  socket.on("data", (octets: Buffer) => {
    buffered = Buffer.concat([buffered, octets]);
    wake();
  });
  return async (octets) => {
    while (buffered.length < octets) await new Promise<void>((resolve) => (wake = resolve));
    const taken = buffered.subarray(0, octets);
    buffered = buffered.subarray(octets);
    return taken;
  };
}

/** How a transport names it. */
export const proxy = (port: number, changes: Partial<OutgoingProxy> = {}): OutgoingProxy => ({
  protocol: "socks",
  address: "127.0.0.1",
  port,
  login: undefined,
  timeoutMs: 2_000,
  priority: 1,
  weight: 1,
  ...changes,
});
