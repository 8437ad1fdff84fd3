/** What is known of a DKIM signature (RFC 6376 §3.5) once it has been verified. */
export interface Signature {
  readonly status: "none" | "invalid" | "fail" | "pass";
  /** Exim's word for why. */
  readonly reason: string;
  /** What it is precisely, where that word has two meanings or there is none. */
  readonly fault?: "no key" | "overlong key" | "version";
  readonly domain: string;
  readonly identity?: string;
  readonly selector: string;
  readonly algorithm: string;
  readonly headerCanonicalization: string;
  readonly bodyCanonicalization: string;
  /** Octets. */
  readonly bodyLength?: number;
  /** Seconds. */
  readonly created?: number;
  readonly expires?: number;
  readonly headerNames: string;
  readonly copiedHeaders: string;
  readonly key?: {
    readonly testing: boolean;
    readonly noSubdomains: boolean;
    readonly serviceTypes?: string;
    readonly granularity?: string;
    readonly notes?: string;
    /** Bits. */
    readonly length?: number;
  };
}
