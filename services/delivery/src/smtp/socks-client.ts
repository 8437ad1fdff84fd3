import type { OutgoingProxy } from "@postbus/policy";
import { addressOctets } from "./address-octets.ts";

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const BY_NAME = 2;
const CONNECT = 1;

/** What a step of the dialogue asks for. */
export type SocksStep =
  /** Write this, and go on with what comes. */
  | { readonly kind: "write"; readonly octets: Buffer }
  | { readonly kind: "more" }
  /** From here on, the octets are the host's. @property rest What has come of those. */
  | { readonly kind: "open"; readonly rest: Buffer }
  /** @property isHost The proxy works, and has not got through to the host. */
  | { readonly kind: "failed"; readonly text: string; readonly isHost: boolean };

/** RFC 1928 §6. */
const REPLIES: readonly string[] = [
  "",
  "general SOCKS server failure",
  "connection not allowed by ruleset",
  "Network unreachable",
  "Host unreachable",
  "Connection refused",
  "TTL expired",
  "Command not supported",
  "Address type not supported",
];

/** Our side of SOCKS 5 (RFC 1928, RFC 1929): octets in, octets out. */
export class SocksClient {
  readonly #proxy: Pick<OutgoingProxy, "login">;
  readonly #target: { readonly address: string; readonly port: number };
  #state: "method" | "login" | "reply" = "method";
  #octets = Buffer.alloc(0);

  constructor(proxy: Pick<OutgoingProxy, "login">, target: { readonly address: string; readonly port: number }) {
    this.#proxy = proxy;
    this.#target = target;
  }

  /** The first octets. */
  begin(): Buffer {
    return Buffer.from([VERSION, 1, this.#proxy.login === undefined ? NO_AUTHENTICATION : BY_NAME]);
  }

  receive(octets: Buffer): SocksStep {
    this.#octets = Buffer.concat([this.#octets, octets]);
    switch (this.#state) {
      case "method":
        return this.#take(2, (head) => this.#methodChosen(head));
      case "login":
        return this.#take(2, ([, status]) => (status === 0 ? this.#request() : failed("authentication failed")));
      case "reply":
        return this.#replied();
    }
  }

  #take(length: number, then: (head: Buffer) => SocksStep): SocksStep {
    if (this.#octets.length < length) return { kind: "more" };
    const head = this.#octets.subarray(0, length);
    this.#octets = this.#octets.subarray(length);
    return then(head);
  }

  #methodChosen([version, method]: Buffer): SocksStep {
    const { login } = this.#proxy;
    if (version !== VERSION) return failed("it does not speak SOCKS 5");
    if (method !== (login === undefined ? NO_AUTHENTICATION : BY_NAME))
      return failed("it wants another authentication");
    if (login === undefined) return this.#request();
    this.#state = "login";
    const [name, password] = [Buffer.from(login.name, "latin1"), Buffer.from(login.password, "latin1")];
    return {
      kind: "write",
      octets: Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([password.length]), password]),
    };
  }

  #request(): SocksStep {
    this.#state = "reply";
    const { address, port } = this.#target;
    const octets = addressOctets(address);
    const portOctets = [port >> 8, port & 0xff];
    return {
      kind: "write",
      octets: Buffer.from([VERSION, CONNECT, 0, octets.length === 4 ? 1 : 4, ...octets, ...portOctets]),
    };
  }

  #replied(): SocksStep {
    const [version, status = 0, , type = 0, nameLength = 0] = this.#octets;
    if (this.#octets.length < 5) return { kind: "more" };
    if (version !== VERSION) return failed("it does not speak SOCKS 5");
    if (status !== 0) return { kind: "failed", text: REPLIES[status] ?? `error ${status}`, isHost: true };
    const lengths: Readonly<Record<number, number>> = { 1: 4, 3: 1 + nameLength, 4: 16 };
    const length = lengths[type];
    if (length === undefined) return failed("its reply has an unknown type of address");
    return this.#take(4 + length + 2, () => ({ kind: "open", rest: this.#octets }));
  }
}

const failed = (text: string): SocksStep => ({ kind: "failed", text, isHost: false });
