import type { Chance } from "../fuzz/chance.ts";

interface Field {
  readonly name: string;
  /** Of a set; 0: it is of none. */
  readonly instance: number;
  readonly text: string;
}

type Alteration = (fields: readonly Field[], chance: Chance, hops: number) => readonly Field[];

const PARTS = ["arc-seal", "arc-message-signature", "arc-authentication-results"] as const;

const fieldOf = (text: string): Field => {
  const name = text.slice(0, text.indexOf(":")).toLowerCase();
  const instance = name.startsWith("arc-") ? Number(/[:;\s]i\s*=\s*([0-9]+)/.exec(text)?.[1] ?? 0) : 0;
  return { name, instance, text };
};

/** One field of a set. */
const anyPart = (fields: readonly Field[], chance: Chance, hops: number): number => {
  const [name, instance] = [chance.pick(PARTS), 1 + chance.integer(hops)];
  return fields.findIndex((field) => field.name === name && field.instance === instance);
};
const changed = (fields: readonly Field[], at: number, change: (text: string) => string): readonly Field[] =>
  fields.map((field, n) => (n === at ? fieldOf(change(field.text)) : field));
const named = (fields: readonly Field[], name: string): number => fields.findIndex((field) => field.name === name);
const without = (fields: readonly Field[], instances: readonly number[]): readonly Field[] =>
  fields.filter(({ instance }) => instance === 0 || !instances.includes(instance));

const ALTERATIONS: Readonly<Record<string, Alteration>> = {
  nothing: (fields) => fields,
  "a part less": (fields, chance, hops) => fields.toSpliced(anyPart(fields, chance, hops), 1),
  "a part twice": (fields, chance, hops) => {
    const at = anyPart(fields, chance, hops);
    return fields.toSpliced(at, 0, fields[at] ?? fieldOf("X: y\r\n"));
  },
  "the newest set less": (fields, _, hops) => without(fields, [hops]),
  "the oldest set less": (fields) => without(fields, [1]),
  "a set less": (fields, chance, hops) => without(fields, [1 + chance.integer(hops)]),
  "parts in another order": (fields) => fields.toReversed(),
  "a part at the bottom": (fields, chance, hops) => {
    const at = anyPart(fields, chance, hops);
    return [...fields.toSpliced(at, 1), ...fields.slice(at, at + 1)];
  },
  "another instance": (fields, chance, hops) =>
    changed(fields, anyPart(fields, chance, hops), (text) =>
      text.replace(/([:;\s]i\s*=\s*)[0-9]+/, `$1${chance.pick(["1", "2", "3", "7", "51"])}`),
    ),
  "another state": (fields, chance, hops) =>
    changed(
      fields,
      fields.findIndex(({ name, instance }) => name === "arc-seal" && instance === 1 + chance.integer(hops)),
      (text) => text.replace(/cv=\w+/, chance.pick(["cv=none", "cv=pass", "cv=fail"])),
    ),
  "another selector": (fields, chance, hops) =>
    changed(fields, anyPart(fields, chance, hops), (text) => text.replace(/\bs=rsa/, "s=none")),
  "other results": (fields, chance, hops) =>
    changed(
      fields,
      fields.findIndex(({ name, instance }) => name === PARTS[2] && instance === 1 + chance.integer(hops)),
      (text) => text.replace("arc=", "spf=pass; arc="),
    ),
  "a part unfolded": (fields, chance, hops) =>
    changed(fields, anyPart(fields, chance, hops), (text) => `${text.replaceAll(/\r\n[ \t]*/g, " ").trimEnd()}\r\n`),
  "a part's name in another case": (fields, chance, hops) =>
    changed(fields, anyPart(fields, chance, hops), (text) => text.replace(/^[^:]+/, (name) => name.toUpperCase())),
  "a part with more blanks": (fields, chance, hops) =>
    changed(fields, anyPart(fields, chance, hops), (text) => text.replaceAll("; ", ";\r\n\t  ")),
  "another author": (fields) => changed(fields, named(fields, "from"), (text) => text.replace("Ann", "Eve")),
  "a trace field more": (fields) => [fieldOf("Received: from a by b\r\n"), ...fields],
  "another subject on top": (fields) => [fieldOf("Subject: other\r\n"), ...fields],
  "another subject below": (fields) => [...fields, fieldOf("Subject: other\r\n")],
};

/** @param hops Sets that are there. */
export function alteredChain(chance: Chance, message: string, hops: number): readonly [what: string, message: string] {
  const end = message.indexOf("\r\n\r\n") + 2;
  const fields = (message.slice(0, end).match(/[^\r\n].*?\r\n(?![ \t])/gs) ?? []).map(fieldOf);
  const body = message.slice(end);
  const pick = chance.integer(8);
  if (pick === 0) return ["another body", `${message}x\r\n`];
  if (pick === 1) return ["empty lines at the end", `${message}\r\n\r\n`];
  const names = Object.keys(ALTERATIONS);
  const what = names[chance.integer(names.length)] ?? "nothing";
  const altered = ALTERATIONS[what]?.(fields, chance, hops) ?? fields;
  return [what, altered.map(({ text }) => text).join("") + body];
}
