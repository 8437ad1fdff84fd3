import type { Variables } from "../../expansion/evaluation.ts";
import type { Value } from "../../expansion/value.ts";
import type { ClientValues, ConnectionView } from "./client-authenticator.ts";

type Known = Value | number | boolean | undefined;

/** The variables of a message, and over them those of the connection that it is to go over. */
export class ConnectionVariables implements Variables {
  readonly #message: Variables;
  readonly #connection: ConnectionView;
  readonly #values: ClientValues | undefined;

  /** @param values Of the authentication that is going on. */
  constructor(message: Variables, connection: ConnectionView, values?: ClientValues) {
    this.#message = message;
    this.#connection = connection;
    this.#values = values;
  }

  get headers(): Variables["headers"] {
    return this.#message.headers;
  }

  get(name: string): Known {
    const read = READERS.get(name);
    if (read !== undefined) return read(this.#connection);
    const [, position] = /^auth([123])$/.exec(name) ?? [];
    if (position !== undefined && this.#values !== undefined) return this.#values.values[Number(position) - 1];
    return this.#message.get(name);
  }
}

const readers: Readonly<Record<string, (connection: ConnectionView) => Known>> = {
  host: ({ host }) => host.name,
  host_address: ({ host }) => host.address,
  host_port: ({ host }) => host.port,
  sending_ip_address: ({ localAddress }) => localAddress,
  sending_port: ({ localPort }) => localPort,
  tls_out_cipher: ({ tls }) => tls?.cipher,
  tls_cipher: ({ tls }) => tls?.cipher,
  tls_out_ver: ({ tls }) => tls?.cipher.split(":")[0],
  tls_out_bits: ({ tls }) => (tls === undefined ? undefined : Number(tls.cipher.split(":")[2])),
  tls_out_certificate_verified: ({ tls }) => (tls?.isVerified === true ? 1 : 0),
  tls_out_peerdn: ({ tls }) => tls?.peerName,
  tls_out_resumption: ({ tls }) => tls?.resumption,
  tls_out_sni: ({ tls }) => tls?.serverName,
};

const READERS: ReadonlyMap<string, (connection: ConnectionView) => Known> = new Map(Object.entries(readers));

/** Names of variables that the connection gives. */
export const CONNECTION_VARIABLES: ReadonlySet<string> = new Set(READERS.keys());
