import { isUtf8 } from "node:buffer";
import type { JsonObject, JsonValue } from "./json-value.ts";

/** jansson's limit. */
const MAX_DEPTH = 2048;
/** Between two of these the parser gives way: about 2 ms. */
const OCTETS_AT_ONCE = 128 * 1024;
const MAX_INTEGER = 2n ** 63n - 1n;
const MIN_INTEGER = -(2n ** 63n);

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** It is not JSON, or has what jansson refuses. Does not leave this file. */
class JsonSyntaxError extends Error {}

/** An array or object that is being read. */
type Container =
  | { readonly kind: "array"; readonly items: JsonValue[] }
  | { readonly kind: "object"; readonly members: Map<string, JsonValue>; key: string };

/**
 * Reads a file as jansson's `json_load` does: the whole is an array or an object, the last of two equal members counts,
 * no `\u0000`, integers have 64 bits. Gives way to others now and then, so that a large file holds up nothing.
 *
 * @param octets As UTF-8.
 * @returns undefined: it is not JSON.
 */
export async function parseJson(octets: Buffer): Promise<JsonValue | undefined> {
  if (!isUtf8(octets)) return undefined;
  const steps = new Parser(octets.toString("latin1")).run();
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  } catch (err) {
    if (err instanceof JsonSyntaxError) return undefined;
    throw err;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Without recursion: a value at a time, then whatever ends behind it. */
  *run(): Generator<void, JsonValue> {
    const open: Container[] = [];
    let pauseAt = OCTETS_AT_ONCE;
    for (;;) {
      if (this.#at >= pauseAt) {
        yield;
        pauseAt = this.#at + OCTETS_AT_ONCE;
      }
      if (open.length >= MAX_DEPTH) throw new JsonSyntaxError();
      let value = this.#begin(open);
      if (value === undefined) continue;
      for (;;) {
        const container = open.at(-1);
        if (container === undefined) {
          if (this.#next() !== "" || typeof value !== "object") throw new JsonSyntaxError();
          return value;
        }
        if (this.#add(container, value)) break;
        open.pop();
        value = valueIn(container);
      }
    }
  }

  /** A scalar or empty container; undefined: one was opened, and its first value is next. */
  #begin(open: Container[]): JsonValue | undefined {
    const character = this.#next();
    if (character === "[") {
      if (this.#peek() === "]") return this.#taken([]);
      open.push({ kind: "array", items: [] });
      return undefined;
    }
    if (character === "{") {
      if (this.#peek() === "}") return this.#taken(new Map());
      open.push({ kind: "object", members: new Map(), key: this.#memberName() });
      return undefined;
    }
    if (open.length === 0) throw new JsonSyntaxError();
    if (character === '"') return this.#string();
    this.#at--;
    return this.#word();
  }

  /** @returns whether another value follows. */
  #add(container: Container, value: JsonValue): boolean {
    if (container.kind === "array") container.items.push(value);
    else container.members.set(container.key, value);
    const character = this.#next();
    if (character === ",") {
      if (container.kind === "object") container.key = this.#memberName();
      return true;
    }
    if (character !== (container.kind === "array" ? "]" : "}")) throw new JsonSyntaxError();
    return false;
  }

  #memberName(): string {
    if (this.#next() !== '"') throw new JsonSyntaxError();
    const name = this.#string();
    if (this.#next() !== ":") throw new JsonSyntaxError();
    return name;
  }

  /** The rest of a string, behind its first quote. */
  #string(): string {
    let string = "";
    for (;;) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those that a string may not hold
      string += this.#match(/[^"\\\x00-\x1f]*/y);
      const character = this.#text[this.#at++];
      if (character === '"') return string;
      if (character !== "\\") throw new JsonSyntaxError();
      string += this.#escape();
    }
  }

  #escape(): string {
    const character = this.#text[this.#at++] ?? "";
    if (character !== "u") {
      const escaped = ESCAPES[character];
      if (escaped === undefined) throw new JsonSyntaxError();
      return escaped;
    }
    const first = this.#match(/[0-9A-Fa-f]{4}/y);
    // Half of a pair alone is no character.
    const second = /^d[89ab]/i.test(first) ? this.#match(/\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}/y).slice(2) : "";
    const isAlone = /^d[89ab]/i.test(first) ? second === "" : /^d[c-f]/i.test(first);
    if (first === "" || first === "0000" || isAlone) throw new JsonSyntaxError();
    const units = [first, second].filter((hex) => hex !== "").map((hex) => Number.parseInt(hex, 16));
    return Buffer.from(String.fromCharCode(...units), "utf8").toString("latin1");
  }

  #word(): JsonValue {
    const literal = this.#match(/true|false|null/y);
    if (literal !== "") return literal === "null" ? null : literal === "true";
    const integer = this.#match(/-?(?:0|[1-9][0-9]*)/y);
    if (integer === "") throw new JsonSyntaxError();
    const rest = this.#match(/(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (rest !== "") {
      const real = Number(integer + rest);
      if (!Number.isFinite(real)) throw new JsonSyntaxError();
      return real;
    }
    // The conversion's time grows with the square of the length.
    const whole = integer.length > 20 ? MAX_INTEGER + 1n : BigInt(integer);
    if (whole > MAX_INTEGER || whole < MIN_INTEGER) throw new JsonSyntaxError();
    return whole;
  }

  /** The next character that is no blank, and goes behind it; empty at the end. */
  #next(): string {
    const character = this.#peek();
    this.#at++;
    return character;
  }

  #peek(): string {
    this.#match(/[ \t\n\r]*/y);
    return this.#text[this.#at] ?? "";
  }

  #taken(empty: JsonValue): JsonValue {
    this.#at++;
    return empty;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}

function valueIn(container: Container): JsonValue[] | JsonObject {
  return container.kind === "array" ? container.items : container.members;
}
