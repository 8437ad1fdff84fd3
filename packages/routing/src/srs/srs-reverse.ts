import { matchHash } from "./srs-hash.ts";
import { plainAddress, writtenAddress } from "./srs-local-part.ts";
import type { SrsSettings } from "./srs-settings.ts";
import { isInTime } from "./srs-timestamp.ts";

/** What an address leads back to. */
export type Reversed =
  | { readonly kind: "address"; readonly address: string; readonly isFolded: boolean }
  /** The key of a database. */
  | { readonly kind: "key"; readonly key: string; readonly isFolded: boolean }
  /** No SRS address, or none that can be taken apart. */
  | { readonly kind: "none" }
  | { readonly kind: "bad"; readonly why: "badhash" | "expired" };

const TAGGED = /^SRS([01])[-+=]([\s\S]*)$/i;

/** Takes an address apart that `srsForward` has made, here or at another host with the same secret. */
export function srsReverse(address: string, settings: SrsSettings, nowMs: number): Reversed {
  const [, kind, text = ""] = TAGGED.exec(plainAddress(address)?.localPart ?? "") ?? [];
  if (kind === undefined) return NONE;
  return kind === "0" ? original(text, settings, nowMs) : previous(text, settings);
}

const NONE: Reversed = { kind: "none" };

/** `HHHH=TT=domain=local`, without the fields that are not used. */
function original(text: string, settings: SrsSettings, nowMs: number): Reversed {
  const [hash, afterHash] = settings.usesHash ? cut(text) : ["", text];
  const [stamp, afterStamp] = settings.usesTimestamp ? cut(afterHash) : ["", afterHash];
  const [domain, localPart] = cut(afterStamp);
  if (hash === undefined || stamp === undefined || domain === undefined || localPart === "") return NONE;
  if (settings.usesTimestamp && !/^[A-Za-z2-7]{2}$/.test(stamp)) return NONE;
  const match = settings.usesHash ? matchHash(settings, hash, stamp, domain, localPart) : "exact";
  if (match === undefined) return { kind: "bad", why: "badhash" };
  if (settings.usesTimestamp && !isInTime(stamp, settings.maxAgeDays, nowMs)) return { kind: "bad", why: "expired" };
  const isFolded = match === "folded";
  return domain === ""
    ? { kind: "key", key: localPart, isFolded }
    : { kind: "address", address: writtenAddress({ localPart, domain }), isFolded };
}

/** `HHHH=host=` and the rest of the first forwarder's address, with its separator: it goes back to that one. */
function previous(text: string, settings: SrsSettings): Reversed {
  const [hash, afterHash] = settings.usesHash ? cut(text) : ["", text];
  const [host, rest] = cut(afterHash);
  if (hash === undefined || host === undefined || host === "" || !/^[-+=][\s\S]+$/.test(rest)) return NONE;
  const match = settings.usesHash ? matchHash(settings, hash, host, rest) : "exact";
  if (match === undefined) return { kind: "bad", why: "badhash" };
  const isFolded = match === "folded";
  return { kind: "address", address: writtenAddress({ localPart: `SRS0${rest}`, domain: host }), isFolded };
}

/** The field before the first `=`, and what is behind it; no field: there is none. */
function cut(text: string): [field: string | undefined, rest: string] {
  const at = text.indexOf("=");
  return at === -1 ? [undefined, ""] : [text.slice(0, at), text.slice(at + 1)];
}
