import type { ClientEndpoint } from "./connection.ts";

/** What has become of the PROXY header that a peer in `hosts_proxy` must send (HAProxy, "The PROXY protocol"). */
export interface ProxyView {
  /**
   * `ok`: the client is whom the header names. `local`: the proxy speaks for itself, or did not say for whom. `failed`: there
   * was none, or a wrong one. Exim's variables do not tell the last two apart.
   */
  readonly result: "ok" | "local" | "failed";
  /** Of the proxy: empty, 0 unless `ok`. */
  readonly localAddress: string;
  readonly localPort: number;
  /** What the client had connected to: likewise. */
  readonly externalAddress: string;
  readonly externalPort: number;
  /** The proxy's name for the connection. */
  readonly uniqueId?: string;
  /** The host name that the client asked the proxy for: SNI. */
  readonly authority?: string;
  /** The client's TLS with the proxy. */
  readonly tls?: {
    /** `TLSv1.3` */
    readonly version: string;
    readonly cipher: string;
    /** Of the client's certificate; empty: it has shown none. */
    readonly commonName: string;
    readonly isVerified: boolean;
  };
}

/**
 * Whether the proxy speaks for itself: it says so, or names its own end of this connection as the client (HAProxy's health
 * checks with a header of version 1).
 */
export function isProxyItself({ address, port, proxy }: ClientEndpoint): boolean {
  if (proxy === undefined || proxy.result === "failed") return false;
  return proxy.result === "local" || (address === proxy.localAddress && port === proxy.localPort);
}

/** Of a session that is not with somebody behind the proxy. */
export function withoutProxiedClient(result: "local" | "failed"): ProxyView {
  return { result, localAddress: "", localPort: 0, externalAddress: "", externalPort: 0 };
}
