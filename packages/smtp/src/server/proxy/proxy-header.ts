import type { ProxyDetails } from "./proxy-details.ts";

/** One end of a connection: an IP address without a zone, in its canonical text, and a port. */
export interface ProxyEndpoint {
  readonly address: string;
  readonly port: number;
}

/** What a PROXY header says about a connection (HAProxy, "The PROXY protocol, versions 1 & 2"). */
export type ProxyHeader =
  /** The proxy speaks for itself (LOCAL), or does not know for whom (UNKNOWN, UNSPEC): the socket's addresses hold. */
  | { readonly command: "local" }
  | {
      readonly command: "proxy";
      /** The client. */
      readonly source: ProxyEndpoint;
      /** What it had connected to: the proxy's public side. */
      readonly destination: ProxyEndpoint;
      readonly details: ProxyDetails;
    };

/** What the octets so far are. */
export type ParsedProxyHeader =
  /** More are needed. */
  | { readonly kind: "incomplete" }
  /** `consumed` octets are the header, what follows is SMTP or TLS. */
  | { readonly kind: "done"; readonly header: ProxyHeader; readonly consumed: number }
  /** No header. `consumed` octets are to be dropped, some of which may not have come yet: never more than 65,551. */
  | { readonly kind: "invalid"; readonly reason: string; readonly consumed: number };
