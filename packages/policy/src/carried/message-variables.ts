import { domainOf, localPartOf } from "@postbus/mail";
import type { Variables } from "../expansion/evaluation.ts";
import type { Value } from "../expansion/value.ts";
import { type CarriedValue, fromCarried } from "./carried-value.ts";

/** What a work item says of its message. */
export interface CarriedMessage {
  readonly messageId: string;
  readonly returnPath: string;
  readonly receivedAtMs: number;
  readonly smtpUtf8?: true;
  readonly requireTls?: true;
  readonly tlsOptional?: true;
  readonly reception: {
    readonly protocol: string;
    readonly clientAddress?: string;
    readonly clientPort?: number;
    readonly helo?: string;
    readonly cipher?: string;
    readonly authenticator?: string;
    readonly authenticatedId?: string;
    readonly authenticatedSender?: string;
    readonly certificateVerified?: boolean;
    readonly peerName?: string;
    readonly serverName?: string;
    readonly size: number;
  };
  readonly aclVariables?: Readonly<Record<string, CarriedValue>>;
}

type Known = Value | number | undefined;

/** The variables of a message after its reception, for routers and transports. */
export class MessageVariables implements Variables {
  readonly #message: CarriedMessage;
  readonly #own: Readonly<Record<string, CarriedValue>>;
  readonly #address: string | undefined;

  /**
   * @param address That a delivery is for.
   * @param own Its variables, as routing has left them.
   */
  constructor(message: CarriedMessage, address?: string, own: Readonly<Record<string, CarriedValue>> = {}) {
    this.#message = message;
    this.#address = address;
    this.#own = own;
  }

  get(name: string): Known {
    const own = Object.hasOwn(this.#own, name) ? this.#own[name] : undefined;
    if (own !== undefined) return fromCarried(own);
    if (name.startsWith("acl_")) {
      const { aclVariables } = this.#message;
      const value = aclVariables !== undefined && Object.hasOwn(aclVariables, name) ? aclVariables[name] : undefined;
      return value === undefined ? undefined : fromCarried(value);
    }
    if (this.#address !== undefined) {
      if (name === "local_part") return localPartOf(this.#address);
      if (name === "domain") return domainOf(this.#address);
    }
    return READERS.get(name)?.(this.#message);
  }
}

const readers: Readonly<Record<string, (message: CarriedMessage) => Known>> = {
  authenticated_id: ({ reception }) => reception.authenticatedId,
  authenticated_sender: ({ reception }) => reception.authenticatedSender,
  sender_host_authenticated: ({ reception }) => reception.authenticator,
  message_exim_id: ({ messageId }) => messageId,
  message_id: ({ messageId }) => messageId,
  message_smtputf8: ({ smtpUtf8 }) => (smtpUtf8 === true ? "yes" : "no"),
  message_size: ({ reception }) => reception.size,
  received_protocol: ({ reception }) => reception.protocol,
  received_time: ({ receivedAtMs }) => Math.floor(receivedAtMs / 1000),
  requiretls: ({ requireTls }) => (requireTls === true ? "yes" : "no"),
  return_path: ({ returnPath }) => returnPath,
  sender_address: ({ returnPath }) => returnPath,
  sender_address_domain: ({ returnPath }) => (returnPath === "" ? "" : domainOf(returnPath)),
  sender_address_local_part: ({ returnPath }) => (returnPath === "" ? "" : localPartOf(returnPath)),
  sender_helo_name: ({ reception }) => reception.helo,
  sender_host_address: ({ reception }) => reception.clientAddress,
  sender_host_port: ({ reception }) => reception.clientPort,
  tls_in_cipher: ({ reception }) => reception.cipher,
  tls_in_ver: ({ reception }) => reception.cipher?.split(":")[0],
  tls_in_bits: ({ reception }) => (reception.cipher === undefined ? undefined : Number(reception.cipher.split(":")[2])),
  tls_in_certificate_verified: ({ reception }) => (reception.certificateVerified === true ? 1 : 0),
  tls_in_peerdn: ({ reception }) => reception.peerName,
  tls_required: ({ tlsOptional }) => (tlsOptional === true ? "no" : undefined),
  tls_in_sni: ({ reception }) => reception.serverName,
};

const READERS: ReadonlyMap<string, (message: CarriedMessage) => Known> = new Map(Object.entries(readers));
