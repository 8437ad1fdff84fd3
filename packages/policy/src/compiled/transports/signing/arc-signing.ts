import { textOf, type Value } from "../../../expansion/value.ts";
import { splitList } from "../../../matching/split-list.ts";
import { keySource } from "./key-source.ts";
import type { ArcSigning } from "./message-signing.ts";

/** Exim's: a month. */
const USUAL_EXPIRY_S = 30 * 24 * 3600;

/**
 * Reads `arc_sign`: `identity : selector : private key [ : options ]` (Exim's manual, "ARC").
 *
 * @param fields Names of the fields that are signed. @param isKnownName The identity is the same for every message.
 * @returns undefined: nothing is to be sealed. A text: it is wrong, and that is for the log.
 */
export function arcSigning(
  value: Value,
  fields: readonly string[],
  isKnownName: boolean,
): ArcSigning | string | undefined {
  const specification = textOf(value);
  if (specification.trim() === "") return undefined;
  const bad = (why: string): string => `ARC: bad signing-specification (${why}) '${specification}'`;
  const [domain = "", selector = "", privateKey = "", options = ""] = splitList(specification).items;
  if (domain === "") return bad("identity empty");
  if (NO_NAME.test(domain)) return bad("identity chars");
  if (selector === "") return bad("selector empty");
  if (NO_NAME.test(selector)) return bad("selector chars");
  if (privateKey === "") return bad("privkey empty");
  const key = keySource(typeof value === "string" ? privateKey : value, "arc_sign");
  if (typeof key === "string") return key;
  const found = { domain, selector, key, hasTimestamps: false, fields, isKnownName };
  return options.split(",").reduce<ArcSigning>((signing, option) => {
    const [, name = "", sign = "", number] = OPTION.exec(option.trim()) ?? [];
    if (name === "timestamps") return { ...signing, hasTimestamps: true };
    if (name !== "expire") return signing;
    if (number === undefined) return { ...signing, expires: { afterS: USUAL_EXPIRY_S } };
    return { ...signing, expires: sign === "+" ? { afterS: Number(number) } : { atS: Number(number) } };
  }, found);
}

const NO_NAME = /[^A-Za-z0-9._-]/;
const OPTION = /^([a-z]+)(?:=(\+?)([0-9]{1,12}))?$/;
