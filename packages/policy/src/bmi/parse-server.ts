import type { BmiEngine } from "@postbus/contracts";
import { trim } from "@postbus/mail";

const HOST = /^([A-Za-z0-9._:-]+)[\t ]+([0-9]{1,5})$/;

/** `/path` of a socket, or `host port`. @returns undefined: it is neither. */
export function parseServer(text: string): BmiEngine["server"] | undefined {
  const server = trim(text);
  // A path longer than this is no address of a socket.
  if (/^\/[ -~\x80-\xff]{0,106}$/.test(server)) return { path: server };
  const [, host = "", digits = ""] = HOST.exec(server) ?? [];
  const port = Number(digits);
  return host !== "" && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
