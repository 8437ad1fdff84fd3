import type { SpamTask } from "@postbus/contracts";
import { splitList } from "../../matching/split-list.ts";
import { readEngineAddress, timeOf } from "./engine-addresses.ts";

export interface SpamServers {
  /** Those that may be asked at this time of the day. */
  readonly servers: SpamTask["servers"];
  /** What is wrong, for the log; it does not count. */
  readonly warnings: readonly string[];
}

/** As in Exim. */
const DEFAULT_TIMEOUT_MS = 120_000;

interface Settings {
  protocol: "spamd" | "rspamd";
  priority: number;
  weight: number;
  retryMs: number;
  timeoutMs: number;
  isOpen: boolean;
}

/**
 * The value of `spamd_address` (Exim's manual, "Scanning with SpamAssassin and Rspamd"): a list of `host port options` and
 * `/path options`.
 *
 * @param atMs Now, for servers that have their hours.
 */
export function readSpamdAddress(value: string, atMs: number): SpamServers {
  const warnings: string[] = [];
  const servers: SpamTask["servers"] = [];
  for (const item of splitList(value).items) {
    const address = readEngineAddress(item);
    if (address === undefined) {
      warnings.push(`warning - invalid spamd address: '${item}'`);
      continue;
    }
    const settings: Settings = {
      protocol: "spamd",
      priority: 1,
      weight: 1,
      retryMs: 0,
      timeoutMs: DEFAULT_TIMEOUT_MS,
      isOpen: true,
    };
    for (const option of address.options) {
      const wrong = applied(option, settings, atMs);
      if (wrong !== undefined) warnings.push(`warning - invalid spamd ${wrong}: '${option}'`);
    }
    const { isOpen, ...rest } = settings;
    if (isOpen) servers.push({ server: address.server, ...rest });
  }
  return { servers, warnings };
}

/** @returns what is invalid. */
function applied(option: string, settings: Settings, atMs: number): string | undefined {
  const [, name = "", value = ""] = /^([a-z]+)=(.*)$/.exec(option) ?? [];
  const number = /^-?[0-9]{1,9}$/.test(value) ? Number(value) : undefined;
  const time = timeOf(value);
  switch (name) {
    case "pri":
      if (number === undefined) return "priority";
      settings.priority = number;
      return undefined;
    case "weight":
      if (number === undefined || number < 0) return "weight";
      // Of no weight it is not asked, as in Exim.
      settings.weight = number;
      settings.isOpen &&= number > 0;
      return undefined;
    case "time": {
      const isOpen = isWithin(value, atMs);
      if (isOpen === undefined) return "time value";
      settings.isOpen &&= isOpen;
      return undefined;
    }
    case "tmo":
      if (time === undefined || time === 0) return "timeout";
      settings.timeoutMs = time;
      return undefined;
    case "retry":
      if (time === undefined) return "retry";
      settings.retryMs = time;
      return undefined;
    case "variant":
      if (value !== "rspamd") return "variant";
      settings.protocol = "rspamd";
      return undefined;
    default:
      return "parameter";
  }
}

/** Whether it is between two times of the day, `8.30.00-18` by the clock of this machine; undefined: these are none. */
function isWithin(span: string, atMs: number): boolean | undefined {
  const [start, end] = span.split("-").map(secondsOf);
  if (start === undefined || end === undefined) return undefined;
  const now = new Date(atMs);
  const seconds = (now.getHours() * 60 + now.getMinutes()) * 60 + now.getSeconds();
  return seconds >= start && seconds <= end;
}

function secondsOf(text: string): number | undefined {
  const found = /^([0-9]{1,2})(?:[.:]([0-9]{1,2}))?(?:[.:]([0-9]{1,2}))?$/.exec(text);
  if (found === null) return undefined;
  const [, hours, minutes = "0", seconds = "0"] = found;
  return (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
}
