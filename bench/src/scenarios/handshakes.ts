import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Scenario } from "./scenario.ts";

const PARALLEL = 10;
const WARM_UP = 300;

/**
 * Full handshakes of TLS 1.3, without resumption, up to the first octets under TLS: the banner, or the answer to EHLO
 * behind STARTTLS. The client takes its share of the machine, the same for every system.
 */
export function handshakes(withStarttls: boolean): Scenario {
  return {
    name: withStarttls ? "handshakes-starttls" : "handshakes",
    hold: true,
    isTls: true,
    async run(system, _sink, { messages }) {
      const { tlsPort } = system;
      if (tlsPort === undefined) throw new Error("it was started without TLS");
      const one = withStarttls ? () => starttls(system.port) : () => tlsFirst(tlsPort);
      const rounds = async (count: number): Promise<number> => {
        const start = performance.now();
        let begun = 0;
        const worker = async (): Promise<void> => {
          while (begun++ < count) await one();
        };
        await Promise.all(Array.from({ length: PARALLEL }, worker));
        return (performance.now() - start) / 1000;
      };
      await rounds(WARM_UP);
      const cpu = system.account.cpuSeconds();
      const seconds = await rounds(messages);
      const used = ((system.account.cpuSeconds() - cpu) / messages) * 1000;
      return { "handshakes/s": messages / seconds, "CPU-s per 1,000": used };
    },
  };
}

const TLS = { rejectUnauthorized: false, minVersion: "TLSv1.3", servername: "mx.bench.test" } as const;

async function tlsFirst(port: number): Promise<void> {
  const socket = connectTls({ ...TLS, port, host: "127.0.0.1" });
  await reply(socket);
  socket.destroy();
}

async function starttls(port: number): Promise<void> {
  const plain = connect({ port, host: "127.0.0.1", noDelay: true });
  await reply(plain);
  plain.write("EHLO bench.test\r\n");
  await reply(plain);
  plain.write("STARTTLS\r\n");
  await reply(plain);
  const socket = connectTls({ ...TLS, socket: plain });
  socket.write("EHLO bench.test\r\n");
  await reply(socket);
  socket.destroy();
  plain.destroy();
}

/** A whole reply comes in one piece from every system here. */
async function reply(socket: Socket): Promise<void> {
  const [octets] = (await once(socket, "data")) as [Buffer];
  if (octets[0] !== 0x32) throw new Error(`refused: ${octets.toString("latin1").trim()}`);
}
