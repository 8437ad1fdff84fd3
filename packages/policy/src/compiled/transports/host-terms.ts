import { DeferError } from "@postbus/mail";
import type { CompiledClientAuthenticator } from "../../authenticators/client/client-authenticator.ts";
import { boundAuthenticators } from "../../authenticators/client/client-authenticators.ts";
import { ConnectionVariables } from "../../authenticators/client/connection-variables.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import { splitList } from "../../matching/split-list.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import { ExpandedOptions } from "./expanded-options.ts";
import { mentionedVariables } from "./mentioned-variables.ts";
import { outgoingProxies } from "./outgoing-proxies.ts";
import { PerHostLists } from "./per-host-lists.ts";
import type { HostTerms, TargetHost } from "./smtp-transport.ts";

type Options = Extract<TransportSettings, { kind: "smtp" }>["options"];
type Lists =
  | "avoidsEsmtp"
  | "avoidsPipelining"
  | "triesChunking"
  | "triesPrdr"
  | "isSerialized"
  | "avoidsTls"
  | "requiresTls"
  | "verifies"
  | "triesToVerify"
  | "verifiesName"
  | "requiresProtocol"
  | "resumesTls"
  | "triesAuth"
  | "requiresAuth"
  | "avoidsTlsInCallouts";
type Texts =
  | "helo_data"
  | "interface"
  | "socks_proxy"
  | "haproxy_egress"
  | "tls_certificate"
  | "tls_privatekey"
  | "tls_require_ciphers"
  | "tls_eccurve"
  | "tls_sni"
  | "tls_alpn"
  | "tls_verify_certificates"
  | "tls_crl";

/** What an smtp transport says about single hosts, compiled. */
export class CompiledHostTerms {
  /** All that is expanded, as it is written. */
  readonly texts: readonly string[];
  /** The terms of every host, if they are the same for all, and for all messages. */
  readonly constant: HostTerms | undefined;
  /** There are authenticators, and hosts that they are for. */
  readonly mayAuthenticate: boolean;
  readonly #lists: PerHostLists<Lists>;
  readonly #options: ExpandedOptions<Texts>;
  readonly #verifiesAll: boolean;
  readonly #authenticators: readonly CompiledClientAuthenticator[];
  /** Of the message, that authenticators name; undefined: it cannot be told which. */
  readonly #mentioned: readonly string[] | undefined;
  readonly #shared: SharedSurroundings;

  /**
   * @param isFiltered Messages go through a program, whose output is of no known size: as in Exim, none in chunks.
   * @throws {DeferError} an option that is the same for all messages is wrong.
   */
  constructor(
    options: Options,
    authenticators: readonly CompiledClientAuthenticator[],
    shared: SharedSurroundings,
    isFiltered = false,
  ) {
    this.#shared = shared;
    const text = (name: Parameters<Options["get"]>[0]): string => String(options.get(name) ?? "");
    this.#lists = new PerHostLists<Lists>({
      avoidsEsmtp: text("hosts_avoid_esmtp"),
      avoidsPipelining: text("hosts_avoid_pipelining"),
      triesChunking: isFiltered ? "" : text("hosts_try_chunking"),
      triesPrdr: text("hosts_try_prdr"),
      isSerialized: text("serialize_hosts"),
      avoidsTls: text("hosts_avoid_tls"),
      avoidsTlsInCallouts: text("hosts_verify_avoid_tls"),
      requiresTls: text("hosts_require_tls"),
      verifies: text("tls_verify_hosts"),
      triesToVerify: text("tls_try_verify_hosts"),
      verifiesName: text("tls_verify_cert_hostnames"),
      requiresProtocol: text("hosts_require_alpn"),
      resumesTls: text("tls_resumption_hosts"),
      triesAuth: text("hosts_try_auth"),
      requiresAuth: text("hosts_require_auth"),
    });
    this.#options = new ExpandedOptions<Texts>({
      helo_data: text("helo_data"),
      interface: text("interface"),
      socks_proxy: text("socks_proxy"),
      haproxy_egress: text("haproxy_egress"),
      tls_certificate: text("tls_certificate"),
      tls_privatekey: text("tls_privatekey"),
      tls_require_ciphers: text("tls_require_ciphers"),
      tls_eccurve: text("tls_eccurve"),
      tls_sni: text("tls_sni"),
      tls_alpn: text("tls_alpn"),
      tls_verify_certificates: text("tls_verify_certificates"),
      tls_crl: text("tls_crl"),
    });
    // As it was before there was `tls_try_verify_hosts`.
    this.#verifiesAll = text("tls_verify_hosts").trim() === "" && text("tls_try_verify_hosts").trim() === "";
    const isWanted = text("hosts_try_auth") !== "" || text("hosts_require_auth") !== "";
    this.#authenticators = isWanted ? authenticators : [];
    this.mayAuthenticate = this.#authenticators.length > 0;
    this.texts = [...this.#lists.texts, ...this.#options.texts, ...this.#authenticators.flatMap(({ texts }) => texts)];
    this.#mentioned = mentionedVariables(this.#authenticators.flatMap(({ texts }) => texts));
    const values = this.#constantValues(text("helo_data"));
    const answers = this.#lists.constants;
    const isConstant = values !== undefined && answers !== undefined && this.#mentioned?.length === 0;
    this.constant = isConstant ? this.#made(answers, values, NO_MESSAGE) : undefined;
  }

  /** For the messages of one transport. @throws {DeferError} */
  async of(message: Variables, host: TargetHost, sendingAddress: () => Promise<string>): Promise<HostTerms> {
    if (this.constant !== undefined) return this.constant;
    // Asked for only where it is named, since finding out costs something.
    const localAddress = this.texts.some((text) => text.includes("sending_ip_address"))
      ? await sendingAddress()
      : undefined;
    const variables = new ConnectionVariables(message, {
      host,
      localAddress,
      localPort: undefined,
      tls: undefined,
      isAuthenticated: false,
    });
    const evaluation = createEvaluation({ ...this.#shared, variables });
    const answers = await this.#lists.answers(evaluation, host);
    return this.#made(answers, await this.#options.values(evaluation), message);
  }

  /** The usual `helo_data` is no reason to expand it each time. */
  #constantValues(heloData: string): Readonly<Record<Texts, Value>> | undefined {
    if (heloData !== "$primary_hostname") return this.#options.constants;
    const { primaryHostname } = this.#shared.settings;
    const others = this.#options.texts.filter((text) => text !== heloData);
    if (others.some((text) => text.includes("$") || text.includes("\\"))) return undefined;
    const constants = TEXTS.map((name): [Texts, Value] => [name, this.#options.constant(name) ?? primaryHostname]);
    return Object.fromEntries(constants) as Record<Texts, Value>;
  }

  #made(
    answers: Readonly<Record<Lists, boolean>>,
    values: Readonly<Record<Texts, Value>>,
    message: Variables,
  ): HostTerms {
    const text = (name: Texts): string => textOf(values[name]).trim();
    refuseTaintedFiles(values);
    const optional = (name: Texts): string | undefined => (text(name) === "" ? undefined : text(name));
    const { requiresAuth, triesAuth, avoidsTls, requiresTls, verifies, triesToVerify, ...plain } = answers;
    const curves = [...splitList(text("tls_eccurve")).items].join(":");
    const terms: Omit<HostTerms, "key" | "authenticators"> = {
      avoidsEsmtp: plain.avoidsEsmtp,
      avoidsPipelining: plain.avoidsPipelining,
      triesChunking: plain.triesChunking,
      triesPrdr: plain.triesPrdr,
      isSerialized: plain.isSerialized,
      heloName: heloName(text("helo_data")),
      interfaces: [...splitList(text("interface")).items],
      proxies: outgoingProxies({ socks: text("socks_proxy"), haproxy: text("haproxy_egress") }),
      avoidsTlsInCallouts: plain.avoidsTlsInCallouts,
      tls: requiresTls ? "required" : avoidsTls ? "never" : "offered",
      verification: this.#verifiesAll || verifies ? "required" : triesToVerify ? "optional" : "none",
      verifiesName: plain.verifiesName,
      authorities: text("tls_verify_certificates"),
      revocations: optional("tls_crl"),
      certificate: optional("tls_certificate"),
      privateKey: optional("tls_privatekey"),
      // As in Exim, `_` of other libraries' names is `-`.
      ciphers: optional("tls_require_ciphers")?.replaceAll("_", "-"),
      curves: curves === "" || curves === "auto" ? undefined : curves,
      serverName: optional("tls_sni"),
      protocols: [...splitList(text("tls_alpn")).items],
      requiresProtocol: plain.requiresProtocol,
      resumesTls: plain.resumesTls,
      auth: requiresAuth ? "require" : triesAuth ? "try" : undefined,
    };
    const isNamed = terms.auth !== undefined && this.#authenticators.length > 0;
    return {
      ...terms,
      key: JSON.stringify(terms) + (isNamed ? this.#identity(message) : ""),
      authenticators: isNamed ? boundAuthenticators(this.#authenticators, this.#shared, message) : [],
    };
  }

  /** Who we are to the host depends on this of the message. */
  #identity(message: Variables): string {
    const names = this.#mentioned ?? ["message_exim_id"];
    return JSON.stringify(names.map((name) => message.get(name)));
  }
}

const NO_MESSAGE: Variables = { get: () => undefined };

/** What a peer has chosen names no file. @throws {DeferError} */
function refuseTaintedFiles(values: Readonly<Record<Texts, Value>>): void {
  for (const name of ["tls_certificate", "tls_privatekey", "tls_verify_certificates", "tls_crl"] as const) {
    const value = values[name];
    if (value instanceof Tainted) throw new DeferError("smtp", `attempt to use tainted "${value.text}" for ${name}`);
  }
}

const TEXTS = [
  "helo_data",
  "interface",
  "socks_proxy",
  "haproxy_egress",
  "tls_certificate",
  "tls_privatekey",
  "tls_require_ciphers",
  "tls_eccurve",
  "tls_sni",
  "tls_alpn",
  "tls_verify_certificates",
  "tls_crl",
] as const satisfies readonly Texts[];

/** What cannot stand in a command is no name. @throws {DeferError} */
function heloName(text: string): string {
  if (text === "" || /[^!-~]/.test(text)) throw new DeferError("smtp", `helo_data: "${text}" is no host name`);
  return text;
}
