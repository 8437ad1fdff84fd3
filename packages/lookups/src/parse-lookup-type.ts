import { trimEnd } from "@postbus/mail";
import type { LookupOptions, LookupSpec } from "./lookup.ts";
import { LookupSyntaxError } from "./lookup-syntax-error.ts";
import { lookupTypes } from "./types/index.ts";

/** The affix of `partial-` without one in parentheses. */
const AFFIX = "*.";
/** And the components that a key keeps without a number. */
const MINIMUM = 2;
/** `partial`, a number, then `-` or an affix of ASCII punctuation in parentheses (C's `ispunct`). */
const PARTIAL = /^partial([0-9]*)(?:-|\(([!-'*-/:-@[-`{-~]*)\))/;

/**
 * Reads the text between a lookup's key and its file or query: `partial1(.)lsearch*@,ret=full`.
 *
 * @param form How it is used in an expansion, with a key before it or without; a list item has no such choice.
 * @throws {LookupSyntaxError} with Exim's text.
 */
export function parseLookupType(text: string, form?: "single-key" | "query"): LookupSpec {
  let name = text;
  let partial: LookupSpec["partial"];
  if (text.startsWith("partial")) {
    const match = PARTIAL.exec(text);
    if (match === null) throw new LookupSyntaxError(`format error in lookup type "${text}"`);
    const [prefix, digits = "", affix = AFFIX] = match;
    partial = { minimum: digits === "" ? MINIMUM : Number(digits), affix };
    name = text.slice(prefix.length);
  }
  const withoutPartial = name;
  const comma = name.indexOf(",");
  const options = comma === -1 ? "" : name.slice(comma + 1);
  if (comma !== -1) name = name.slice(0, comma);
  const star = name.indexOf("*");
  const defaults = star === -1 ? undefined : name.startsWith("*@", star) ? "*@" : "*";
  // What comes between a star and the comma counts for nothing.
  if (star !== -1) name = name.slice(0, star);

  const type = lookupTypes.get(name);
  if (type === undefined) throw new LookupSyntaxError(`unknown lookup type "${name}"`);
  if (type.style === "query") {
    if (partial !== undefined) {
      throw new LookupSyntaxError(`"partial" is not permitted for lookup type "${withoutPartial}"`);
    }
    if (defaults !== undefined) {
      throw new LookupSyntaxError(`defaults using "*" or "*@" are not permitted for lookup type "${withoutPartial}"`);
    }
  }
  if (form === "query" && type.style === "single-key") {
    throw new LookupSyntaxError(`missing {key} for single-key "${text}" lookup`);
  }
  if (form === "single-key" && type.style === "query") {
    throw new LookupSyntaxError(
      `a single key was given for lookup type "${text}", which is not a single-key lookup type`,
    );
  }
  return { type, partial, defaults, options: parseOptions(options) };
}

function parseOptions(text: string): LookupOptions {
  let options: LookupOptions = { text };
  for (const item of text.split(",")) {
    const [, name, value = ""] = /^[\t-\r ]*([a-z]+)=(.*)$/s.exec(trimEnd(item)) ?? [];
    if (name === "ret" && (value === "key" || value === "full")) options = { ...options, ret: value };
    if (name === "cache" && (value === "no" || value === "no_rd" || value === "no_wr")) {
      options = { ...options, cache: value };
    }
    if (name === "filter" && (value === "file" || value === "dir" || value === "subdir")) {
      options = { ...options, filter: value };
    }
    if (name === "key" && value === "path") options = { ...options, key: value };
    if (name === "servers") options = { ...options, servers: value };
    if (name === "file") options = { ...options, file: value };
  }
  return options;
}
