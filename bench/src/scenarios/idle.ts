import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Scenario } from "./scenario.ts";

const CONNECTIONS = 1_000;

/** Connections that have said EHLO and then nothing. */
export const idle: Scenario = {
  name: "idle",
  hold: false,
  async run(system) {
    const before = system.account.residentOctets();
    const sockets: Socket[] = [];
    for (let i = 0; i < CONNECTIONS; i++) {
      const socket = connect(system.port, "127.0.0.1");
      await once(socket, "data");
      socket.write("EHLO idle.test\r\n");
      const [answer] = (await once(socket, "data")) as [Buffer];
      if (!answer.toString("latin1").startsWith("250")) throw new Error(`connection ${i}: ${answer}`);
      sockets.push(socket);
    }
    const after = system.account.residentOctets();
    for (const socket of sockets) socket.destroy();
    return { "MB for 1,000 connections": (after - before) / 1e6 };
  },
};
