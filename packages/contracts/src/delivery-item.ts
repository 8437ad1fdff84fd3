import { type Static, Type } from "typebox";
import { messageFields } from "./envelope.ts";
import { subjectToken } from "./subject-token.ts";

/** router → delivery: "take this message to these recipients by this transport, in one transaction". */
export const DeliveryItem = Type.Object(
  {
    ...messageFields,
    /** Name of the router that decided (`R=` in the log). */
    router: Type.String({ minLength: 1 }),
    /** Name of a transport in the policy (`T=` in the log). */
    transport: Type.String({ minLength: 1 }),
    /** The recipients' domain, or that of the first; for limits and retry rules. */
    domain: Type.String(),
    /** Next hops in the order in which they are tried, `host` or `host::port`; absent: the transport knows. */
    hosts: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  },
  { additionalProperties: false },
);
export type DeliveryItem = Static<typeof DeliveryItem>;

/** @param transportClass What kind of work it is: `smtp` or `local`. */
export function deliverySubject(transportClass: "smtp" | "local", domain: string): string {
  return `mail.deliver.0.${transportClass}.${subjectToken(domain)}`;
}
