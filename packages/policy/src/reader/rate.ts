import { readTime } from "./option-value.ts";

/** `100/1m`: so many in a time. @returns undefined: it is none. */
export function parseRate(text: string): { readonly messages: number; readonly periodMs: number } | undefined {
  const [, messages = "", time = ""] = /^\s*([1-9][0-9]{0,8})\s*\/\s*(\S+)\s*$/.exec(text) ?? [];
  if (messages === "") return undefined;
  try {
    const periodMs = readTime(time);
    return periodMs > 0 ? { messages: Number(messages), periodMs } : undefined;
  } catch {
    // What the reader says of a time alone would not say what is wrong here.
    return undefined;
  }
}

/** @returns what is wrong with it. */
export function checkRate(text: string): string | undefined {
  return parseRate(text) === undefined ? `messages and a time are expected, as in 100/1m, not "${text}"` : undefined;
}
