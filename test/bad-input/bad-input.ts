/**
 * One row of the catalogue: what a client does, and what comes of it.
 *
 * What has tests of its own: clients that send an octet a minute (services/gateway/test/slow-clients.test.ts), a TLS
 * connection that ends in mid-chunk, and what is sent behind its end (services/gateway/test/bdat.test.ts), in mid-content, or
 * with renegotiation (services/gateway/test/tls.test.ts), and 1,000,001 recipients (test/faults/many-recipients.test.ts).
 */
export interface BadInput {
  readonly name: string;
  /**
   * What is sent, and the codes of the replies to it, one after another. By default the client has been greeted and has
   * said EHLO.
   */
  readonly say: readonly (readonly [octets: string, codes: string])[];
  /** Octets of a packet; everything at once if not said. */
  readonly packet?: number;
  /** Without EHLO: `silent` behind the greeting, `early` before it, whose code is then the first to come. */
  readonly begins?: "silent" | "early";
  /** `proxy`: it is in hosts_proxy. */
  readonly from?: "proxy" | "where greetings take long";
  /** At the port where TLS comes first. */
  readonly to?: "tls port";
  /** Behind STARTTLS and a second EHLO. */
  readonly tls?: true;
  /** How the client ends it. */
  readonly ends?: "half-close" | "reset";
  /** Of the last reply. */
  readonly text?: RegExp;
  /** A line of mainlog or rejectlog. */
  readonly log?: RegExp;
  /** The next command works (default), or the server has closed the connection and says nothing more. */
  readonly after?: "closed";
}
