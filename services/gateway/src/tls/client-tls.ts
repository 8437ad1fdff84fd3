import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { TlsView } from "@postbus/policy";
import { cipherText, distinguishedName, serverName, type Verification } from "@postbus/tls";

/** What a policy can know of a client's TLS. Certificates are looked at when somebody asks: hardly anybody does. */
export class ClientTls implements TlsView {
  readonly cipher: string;
  readonly cipherStandard: string;
  readonly version: string;
  readonly bits: number;
  readonly sni: string;
  readonly isVerified: boolean;
  readonly peerName: string;
  readonly ocsp: TlsView["ocsp"];
  readonly resumption: TlsView["resumption"];
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket, { isVerified, problem, ocsp, isResumed }: Verification) {
    this.#socket = socket;
    this.cipher = cipherText(socket);
    const [version = "", , bits] = this.cipher.split(":");
    this.version = version;
    this.bits = Number(bits);
    this.cipherStandard = socket.getCipher().standardName;
    // Null, false or a name: the types have none of them.
    const name: unknown = "servername" in socket ? socket.servername : undefined;
    this.sni = typeof name === "string" ? (serverName(name) ?? "") : "";
    this.isVerified = isVerified;
    this.ocsp = ocsp;
    this.resumption = isResumed === undefined ? "off" : isResumed ? "resumed" : "offered";
    // Without a question there is no answer, and this would be the one thing that costs.
    const wasAsked = isVerified || problem !== undefined;
    const certificate = wasAsked ? socket.getPeerX509Certificate() : undefined;
    this.peerName = certificate === undefined ? "" : distinguishedName(certificate);
  }

  get peerCertificate(): string | undefined {
    return octets(this.#socket.getPeerX509Certificate());
  }

  get ownCertificate(): string | undefined {
    return octets(this.#socket.getX509Certificate());
  }
}

const octets = (certificate: X509Certificate | undefined): string | undefined => certificate?.raw.toString("latin1");
