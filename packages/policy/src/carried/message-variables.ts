import { domainOf, localPartOf } from "@postbus/mail";
import type { Variables } from "../expansion/evaluation.ts";
import type { Value } from "../expansion/value.ts";
import { type CarriedValue, fromCarried } from "./carried-value.ts";
import { type ClientHost, fullHost, receivedHost } from "./client-host.ts";
import type { MessageContent } from "./message-content.ts";

/** What a work item says of its message. */
export interface CarriedMessage {
  readonly messageId: string;
  readonly returnPath: string;
  /** Return path of a delivery, where it is not the sender. */
  readonly errorsTo?: string;
  /** Return path where `errorsTo` is not set (SRS). */
  readonly srsSender?: string;
  readonly receivedAtMs: number;
  /** 1 for the first try. */
  readonly attempt?: number;
  readonly recipients?: readonly unknown[];
  /** How many there were when the message came, if they are not all here. */
  readonly recipientsCount?: number;
  readonly smtpUtf8?: true;
  readonly requireTls?: true;
  readonly tlsOptional?: true;
  readonly reception: {
    readonly protocol: string;
    readonly clientAddress?: string;
    readonly clientPort?: number;
    readonly clientName?: string;
    readonly helo?: string;
    readonly cipher?: string;
    readonly authenticator?: string;
    readonly authenticatedId?: string;
    readonly authenticatedSender?: string;
    readonly certificateVerified?: boolean;
    readonly peerName?: string;
    readonly serverName?: string;
    readonly size: number;
    readonly spam?: { readonly score: string; readonly scoreInt: number; readonly bar: string };
  };
  readonly aclVariables?: Readonly<Record<string, CarriedValue>>;
}

type Known = Value | number | undefined;

/** The variables of a message after its reception, for routers and transports. */
export class MessageVariables implements Variables {
  readonly #message: CarriedMessage;
  readonly #own: Readonly<Record<string, CarriedValue>>;
  readonly #address: string | undefined;
  readonly #content: MessageContent | undefined;
  readonly #now: (() => number) | undefined;

  /**
   * @param address That a delivery is for.
   * @param own Its variables, as routing has left them.
   * @param content If something names it.
   * @param now Milliseconds since the epoch, for `$message_age`.
   */
  constructor(
    message: CarriedMessage,
    address?: string,
    own: Readonly<Record<string, CarriedValue>> = {},
    content?: MessageContent,
    now?: () => number,
  ) {
    this.#now = now;
    this.#message = message;
    this.#content = content;
    this.#address = address;
    this.#own = own;
  }

  get headers(): MessageContent | undefined {
    return this.#content;
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
    if (name === "message_age" && this.#now !== undefined) {
      return Math.max(0, Math.floor((this.#now() - this.#message.receivedAtMs) / 1000));
    }
    return READERS.get(name)?.(this.#message) ?? this.#content?.get(name);
  }
}

const readers: Readonly<Record<string, (message: CarriedMessage) => Known>> = {
  authenticated_id: ({ reception }) => reception.authenticatedId,
  authenticated_sender: ({ reception }) => reception.authenticatedSender,
  sender_host_authenticated: ({ reception }) => reception.authenticator,
  first_delivery: ({ attempt = 1 }) => (attempt === 1 ? "yes" : undefined),
  queue_running: ({ attempt = 1 }) => (attempt === 1 ? undefined : "yes"),
  recipients_count: ({ recipients = [], recipientsCount }) => recipientsCount ?? recipients.length,
  message_exim_id: ({ messageId }) => messageId,
  message_id: ({ messageId }) => messageId,
  message_smtputf8: ({ smtpUtf8 }) => (smtpUtf8 === true ? "yes" : "no"),
  message_size: ({ reception }) => reception.size,
  received_protocol: ({ reception }) => reception.protocol,
  received_time: ({ receivedAtMs }) => Math.floor(receivedAtMs / 1000),
  requiretls: ({ requireTls }) => (requireTls === true ? "yes" : "no"),
  return_path: ({ errorsTo, srsSender, returnPath }) => errorsTo ?? srsSender ?? returnPath,
  sender_address: ({ returnPath }) => returnPath,
  sender_address_domain: ({ returnPath }) => (returnPath === "" ? "" : domainOf(returnPath)),
  sender_address_local_part: ({ returnPath }) => (returnPath === "" ? "" : localPartOf(returnPath)),
  sender_helo_name: ({ reception }) => reception.helo,
  sender_host_address: ({ reception }) => reception.clientAddress,
  sender_host_name: ({ reception }) => reception.clientName,
  sender_fullhost: (message) => fullHost(hostOf(message)),
  sender_rcvhost: (message) => receivedHost(hostOf(message)),
  sender_host_port: ({ reception }) => reception.clientPort,
  spam_bar: ({ reception }) => reception.spam?.bar,
  spam_score: ({ reception }) => reception.spam?.score,
  spam_score_int: ({ reception }) => reception.spam?.scoreInt,
  tls_in_cipher: ({ reception }) => reception.cipher,
  tls_in_ver: ({ reception }) => reception.cipher?.split(":")[0],
  tls_in_bits: ({ reception }) => (reception.cipher === undefined ? undefined : Number(reception.cipher.split(":")[2])),
  tls_in_certificate_verified: ({ reception }) => (reception.certificateVerified === true ? 1 : 0),
  tls_in_peerdn: ({ reception }) => reception.peerName,
  tls_required: ({ tlsOptional }) => (tlsOptional === true ? "no" : undefined),
  tls_in_sni: ({ reception }) => reception.serverName,
};

const hostOf = ({ reception }: CarriedMessage): ClientHost => ({
  address: reception.clientAddress ?? "",
  helo: reception.helo ?? "",
  hostName: reception.clientName,
});

const READERS: ReadonlyMap<string, (message: CarriedMessage) => Known> = new Map(Object.entries(readers));
