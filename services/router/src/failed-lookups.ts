import type { Resolver } from "@postbus/dns";
import { DeferError } from "@postbus/mail";

/** Of one item; whoever wants more of them has trouble that these show as well. */
const MAX_FAILURES = 100;

/** What `dns:fail` tells of lookups while an item is routed, each once (Exim's manual, "Events"). */
export class FailedLookups {
  /** `REASON:NAME:TYPE`, and the recipient that it was first for. */
  readonly all = new Map<string, string>();

  /** A resolver that is watched. @param recipient Who is routed. */
  watching(resolver: Resolver, recipient: string): Resolver {
    return {
      resolve: async (name, type, options) => {
        const note = (reason: string): void => this.#note(`${reason}:${name.replaceAll(":", "::")}:${type}`, recipient);
        try {
          const answer = await resolver.resolve(name, type, options);
          if (answer.state !== "found") note(answer.state === "no data" ? "DNS_NODATA" : "DNS_NOMATCH");
          return answer;
        } catch (err) {
          if (err instanceof DeferError) note("DNS_AGAIN");
          throw err;
        }
      },
    };
  }

  #note(failure: string, recipient: string): void {
    if (this.all.size < MAX_FAILURES && !this.all.has(failure)) this.all.set(failure, recipient);
  }
}
