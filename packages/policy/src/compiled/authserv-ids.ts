import type { Configuration } from "../reader/configuration.ts";

/** Names that are known when a policy is read. */
interface Names {
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
  readonly qualifyRecipient: string;
}

/** `${authresults{id}}`; variables may be in it. */
const USE = /\$\{authresults\s*\{((?:[^{}\\]|\$\{\w+\})+)\}/g;

/** The identity of `arc_sign`; variables may be in it. */
const IDENTITY = /^(?:<\S)?\s*((?:[^\s{}\\:;]|\$\{\w+\})+)\s*[:;]/;

/**
 * The names under which this policy says what it has found out about messages, as far as they are known before any message: that
 * of the host, those that its ACLs name, and those that it seals with.
 * Who reads such a field trusts it, so none may come from outside (RFC 8601 §5).
 */
export function authservIds(
  { acls, transports }: Pick<Configuration, "acls" | "transports">,
  names: Names,
): readonly string[] {
  const ids = new Set([names.primaryHostname.toLowerCase()]);
  const add = (id: string | undefined): void => {
    if (id !== undefined) ids.add(id);
  };
  for (const { statements } of acls.values()) {
    for (const { value } of statements.flatMap(({ items }) => items)) {
      for (const [, id = ""] of value.matchAll(USE)) add(knownId(id, names));
    }
  }
  for (const transport of transports.values()) {
    if (transport.kind === "smtp") add(sealingId(transport.options.get("arc_sign"), names));
  }
  return [...ids];
}

/** The identity that `arc_sign` has for every message, in lower case; undefined: it may be another one for each. */
export function sealingId(arcSign: string | undefined, names: Names): string | undefined {
  const identity = IDENTITY.exec(arcSign ?? "")?.[1];
  return identity === undefined ? undefined : knownId(identity, names);
}

/** @returns undefined: it is not the same always. */
function knownId(text: string, { primaryHostname, qualifyDomain, qualifyRecipient }: Names): string | undefined {
  const known = new Map([
    ["primary_hostname", primaryHostname],
    ["qualify_domain", qualifyDomain],
    ["qualify_recipient", qualifyRecipient],
  ]);
  const id = text.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (use, braced, bare) => known.get(braced ?? bare) ?? use);
  // What may stand behind it is a version.
  const [first = ""] = id.trim().split(/\s/);
  return first === "" || /[$\\]/.test(id) ? undefined : first.toLowerCase();
}
