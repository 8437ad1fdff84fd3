import { LookupDefer } from "../lookup-defer.ts";
import type { Finding } from "../lookup-type.ts";

/** What a server answers. Texts are octets; integers come as their digits. */
export type RedisReply =
  | { readonly kind: "text"; readonly octets: Buffer }
  | { readonly kind: "integer"; readonly digits: string }
  | { readonly kind: "nil" }
  | { readonly kind: "array"; readonly elements: readonly RedisReply[] }
  | { readonly kind: "error"; readonly message: string };

/**
 * The data of a reply as Exim gives it: an integer is true or false, an array its elements line by line. For Exim a text of
 * no octets is no data, but no text at all (nil) is found and empty.
 *
 * @returns undefined: no data.
 * @throws {LookupDefer} the server does not take the command.
 */
export function redisResult(reply: RedisReply): Finding | undefined {
  switch (reply.kind) {
    case "text":
      return reply.octets.length === 0 ? undefined : { data: reply.octets.toString("latin1") };
    case "integer":
      return { data: /^-?0+$/.test(reply.digits) ? "false" : "true" };
    case "nil":
      return { data: "", isWrite: true };
    case "array": {
      const data = lines(reply.elements);
      return data === "" ? undefined : { data };
    }
    case "error":
      throw new LookupDefer("redis", `REDIS: lookup result failed: ${reply.message}`);
    default:
      return reply satisfies never;
  }
}

/**
 * Elements of an array, and of the arrays in it but no further, each on a line; what has no text (nil) leaves an
 * empty one. Lines count from the first text: nothing is before it.
 */
function lines(elements: readonly RedisReply[]): string {
  let data = "";
  const add = (text: string): void => {
    data += data === "" ? text : `\n${text}`;
  };
  for (const element of elements) {
    // Two newlines before the elements of an array: one for itself.
    if (element.kind === "array" && data !== "") data += "\n";
    for (const inner of element.kind === "array" ? element.elements : [element]) add(text(inner));
  }
  return data;
}

function text(element: RedisReply): string {
  if (element.kind === "text") return element.octets.toString("latin1");
  return element.kind === "integer" ? element.digits : "";
}
