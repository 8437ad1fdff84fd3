import { Tainted, textOf, type Value } from "../../../expansion/value.ts";
import type { KeySource } from "./message-signing.ts";

/**
 * A private key as options have it: PEM, or the name of a file.
 *
 * @returns a text: it can be none of them, and that is why.
 */
export function keySource(value: Value, option: string): KeySource | string {
  const text = textOf(value).trim();
  if (text.includes("-----BEGIN ")) return { pem: text };
  if (!/^\.{0,2}\//.test(text)) return `${option}: neither a private key nor the name of a file`;
  // What a peer has chosen names no file.
  return value instanceof Tainted ? `attempt to use tainted "${text}" for ${option}` : { file: text };
}
