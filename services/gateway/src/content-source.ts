import type { Content } from "@postbus/contracts";
import type { OctetSource } from "@postbus/mail";
import type { Spool } from "@postbus/spool";

/** Content that can be read from any place on, as often as one likes. */
export function contentSource(content: Content, spool: Pick<Spool, "read">): OctetSource {
  if (content.kind === "inline") return { read: (start) => [content.octets.subarray(start)] };
  return { read: (start) => spool.read(content, { isTransient: true, start }) };
}
