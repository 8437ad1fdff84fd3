import type { Field } from "../header-section.ts";

/**
 * The names for `h=` (Exim's manual, "dkim_sign_headers"): first the fields that are there, from the bottom to the top, in the
 * spelling of the message, then those that shall not be added later (RFC 6376 §8.15).
 *
 * @param list A name stands for one field; with `=` before it, for all that are there, and with `+`, for one more, too.
 * @param nameOf As it is written.
 */
export function signedNames(
  list: readonly string[],
  fields: readonly Field[],
  nameOf: (field: Field) => string,
): readonly string[] {
  const wanted = list.map((item) => {
    const [, mark = "", name = ""] = /^([=+]?)(.*)$/s.exec(item) ?? [];
    return { name, key: name.toLowerCase(), isForAll: mark !== "", wantsAbsent: mark !== "=" };
  });
  const all = new Set(wanted.filter(({ isForAll }) => isForAll).map(({ key }) => key));
  const left = new Map<string, number>();
  for (const { key, isForAll } of wanted) if (!isForAll) left.set(key, (left.get(key) ?? 0) + 1);
  const names: string[] = [];
  for (const field of fields.toReversed()) {
    const open = left.get(field.name) ?? 0;
    if (open > 0) left.set(field.name, open - 1);
    if (open > 0 || all.has(field.name)) names.push(nameOf(field));
  }
  for (const { name, key, isForAll, wantsAbsent } of wanted) {
    const open = left.get(key) ?? 0;
    if (isForAll ? !wantsAbsent : open === 0) continue;
    if (!isForAll) left.set(key, open - 1);
    names.push(name);
  }
  return names;
}
