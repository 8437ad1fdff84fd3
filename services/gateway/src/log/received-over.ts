import type { Rejected } from "@postbus/contracts";
import type { TlsView } from "@postbus/policy";

/** What the log may tell of a client's TLS. */
export function receivedOver({ cipher, isVerified, peerName, sni }: TlsView): NonNullable<Rejected["tls"]> {
  return {
    cipher,
    certificateVerified: isVerified,
    ...(peerName === "" ? {} : { peerName }),
    ...(sni === "" ? {} : { serverName: sni }),
  };
}
