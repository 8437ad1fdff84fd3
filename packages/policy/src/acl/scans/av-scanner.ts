import type { MalwareTask } from "@postbus/contracts";
import { splitList } from "../../matching/split-list.ts";
import { readEngineAddress, timeOf } from "./engine-addresses.ts";

/** Where Exim looks for clamd, if nothing is said. */
const DEFAULT_CLAMD = "/tmp/clamd";

/** Scanners of Exim that are not available here. */
const OTHERS: ReadonlySet<string> = new Set([
  ...[
    "avast",
    "aveserver",
    "cmdline",
    "drweb",
    "f-prot6d",
    "f-protd",
    "fsecure",
    "kavdaemon",
    "mksd",
    "sock",
    "sophie",
  ],
]);

/**
 * The value of `av_scanner`: `clamd:/path`, or `clamd:host port options : …` (Exim's manual, "Scanning for viruses"). `local` says
 * nothing here: clamd always gets the message itself.
 *
 * @returns A text: what is wrong with it.
 */
export function readAvScanner(value: string): MalwareTask | string {
  const [kind = "", ...given] = splitList(value).items;
  const name = kind.toLowerCase();
  if (name === "") return "av_scanner configuration variable is empty";
  if (OTHERS.has(name)) return `scanner type '${name}' is not available: clamd is`;
  if (name !== "clamd") return `unknown scanner type '${kind}'`;
  const servers: MalwareTask["servers"] = [];
  for (const item of given.length === 0 ? [DEFAULT_CLAMD] : given) {
    if (item.toLowerCase() === "local") continue;
    const address = readEngineAddress(item);
    if (address === undefined) return `clamd: missing port: '${item}'`;
    let retryMs = 0;
    for (const option of address.options) {
      const time = option.startsWith("retry=") ? timeOf(option.slice(6)) : undefined;
      if (time === undefined) return `clamd: bad option '${item}'`;
      retryMs = time;
    }
    servers.push({ server: address.server, retryMs });
  }
  if (servers.length === 0) return "clamd: no useable server addresses in malware configuration option.";
  return { engine: "malware", scanner: "clamd", servers };
}
