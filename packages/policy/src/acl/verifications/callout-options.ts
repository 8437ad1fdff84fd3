import { ExpansionFailure } from "../../expansion/failures.ts";
import { parseInterval } from "../../expansion/interval.ts";
import { splitList } from "../../matching/split-list.ts";
import type { CalloutOptions } from "../verify-address.ts";

/** Reads what stands behind `callout=`. @throws {ExpansionFailure} an option is unknown or has a wrong value. */
export function readCalloutOptions(text: string): CalloutOptions {
  let options: CalloutOptions = {
    toleratesDefer: false,
    usesCache: true,
    isRandomTested: false,
    postmaster: "no",
    sender: undefined,
    isHeld: false,
    usesTransportSender: false,
  };
  for (const word of splitList(`<,${text}`).items) options = { ...options, ...change(word, text) };
  return options;
}

function change(word: string, text: string): Partial<CalloutOptions> {
  const plain = FLAGS[word.toLowerCase()];
  if (plain !== undefined) return plain;
  const [, name = "", value = ""] = /^([a-z_]+)[\t-\r ]*=[\t-\r ]*([\s\S]*)$/i.exec(word) ?? [];
  switch (name.toLowerCase()) {
    case "connect":
      return { connectTimeoutMs: milliseconds(value, text) };
    case "maxwait":
      return { maxWaitMs: milliseconds(value, text) };
    case "mailfrom":
      return { mailFrom: value };
    case "postmaster_mailfrom":
      return { postmasterMailFrom: value };
    case "":
      return { timeoutMs: milliseconds(word, text) };
    default:
      throw unknown(text);
  }
}

const FLAGS: Readonly<Record<string, Partial<CalloutOptions> | undefined>> = {
  __proto__: null as never,
  defer_ok: { toleratesDefer: true },
  no_cache: { usesCache: false },
  random: { isRandomTested: true },
  postmaster: { postmaster: "postmaster" },
  fullpostmaster: { postmaster: "full" },
  use_sender: { sender: "sender" },
  use_postmaster: { sender: "postmaster" },
  use_tptsender: { usesTransportSender: true },
  hold: { isHeld: true },
};

function milliseconds(value: string, text: string): number {
  const seconds = parseInterval(value);
  if (seconds === undefined) throw unknown(text);
  return seconds * 1000;
}

const unknown = (text: string): ExpansionFailure =>
  new ExpansionFailure(`'callout' options: "${text.slice(0, 200)}" cannot be read`);
