import { once } from "node:events";
import { connect } from "node:net";

/** No milter takes so long over a small message. */
const DEADLINE_MS = 20_000;
/** Protocol 6, with all that a milter may do to a message, and every step. */
const NEGOTIATION = "\0\0\0\x06\0\0\x01\xff\0\0\0\0";

/**
 * Has a milter look at a message, as an MTA does (Sendmail's milter protocol, version 6).
 *
 * @param message With CRLF line ends; latin1.
 * @returns the header fields that are to be put on top of it, each with its CRLF.
 */
export async function askMilter(port: number, message: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error("the milter says nothing")));
  await once(socket, "connect");
  const packets = packetsFrom(socket);
  const say = (command: string, data = ""): void => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length + 1);
    socket.write(Buffer.concat([head, Buffer.from(command + data, "latin1")]));
  };
  const ask = async (command: string, data = ""): Promise<string> => {
    say(command, data);
    const { value } = await packets.next();
    if (value === undefined) throw new Error(`the milter has closed behind ${command}`);
    return value;
  };
  const goOn = async (command: string, data = ""): Promise<void> => {
    const said = await ask(command, data);
    if (said !== "c") throw new Error(`the milter says ${said} to ${command}`);
  };
  try {
    await ask("O", NEGOTIATION);
    await goOn("C", "localhost\x004\x30\x39127.0.0.1\0");
    await goOn("H", "localhost\0");
    await goOn("M", "<ann@hop.example>\0");
    await goOn("R", "<joe@example.org>\0");
    await goOn("T");
    const end = message.indexOf("\r\n\r\n") + 2;
    for (const field of message.slice(0, end - 2).split(/\r\n(?![ \t])/)) {
      const [, name = "", value = ""] = /^([^:]*): ?(.*)$/s.exec(field) ?? [];
      await goOn("L", `${name}\0${value.replaceAll("\r\n", "\n")}\0`);
    }
    await goOn("N");
    await goOn("B", message.slice(end + 2));
    let fields = "";
    let said = await ask("E");
    for (; said !== "c" && said !== "a"; said = (await packets.next()).value ?? "a") {
      const [, name = "", value = ""] = /^(?:i....|h)([^\0]*)\0(.*)\0$/s.exec(said) ?? [];
      if (name !== "") fields += `${name}:${/^[ \t]/.test(value) ? "" : " "}${value.replaceAll(/\r?\n/g, "\r\n")}\r\n`;
    }
    return fields;
  } finally {
    socket.destroy();
  }
}

/** Behind their lengths; latin1. */
async function* packetsFrom(socket: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const octets of socket) {
    held = Buffer.concat([held, octets]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
      const end = 4 + held.readUInt32BE(0);
      yield held.toString("latin1", 4, end);
      held = held.subarray(end);
    }
  }
  return undefined;
}
