import type { Content, DeliveryItem } from "@postbus/contracts";
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Spool } from "@postbus/spool";
import type { AttemptReport } from "../../src/attempt.ts";
import { SigningKeys } from "../../src/message/signing/signing-keys.ts";
import { AddressCache } from "../../src/smtp/address-cache.ts";
import { clientContexts } from "../../src/smtp/client-contexts.ts";
import { ConnectionPool } from "../../src/smtp/connection-pool.ts";
import type { HostLeases } from "../../src/smtp/host-leases.ts";
import type { HostRetriesDeps } from "../../src/smtp/host-retries.ts";
import { deliverBySmtp } from "../../src/smtp/smtp-delivery.ts";

/** Short enough for a test, long enough for a busy machine; where a test waits for one, that is what it tests. */
const TIMEOUT_MS = 800;

/** What a transport says about its hosts: nothing but Exim's defaults, and no look at certificates. */
export function hostTerms(changes: Partial<HostTerms> = {}): HostTerms {
  const terms = {
    heloName: "mx.a.test",
    interfaces: [],
    proxies: [],
    avoidsEsmtp: false,
    avoidsPipelining: false,
    triesChunking: true,
    triesPrdr: true,
    isSerialized: false,
    tls: "offered" as const,
    avoidsTlsInCallouts: false,
    verification: "none" as const,
    verifiesName: true,
    authorities: "system",
    revocations: undefined,
    certificate: undefined,
    privateKey: undefined,
    ciphers: undefined,
    curves: undefined,
    serverName: undefined,
    resumesTls: false,
    protocols: [],
    requiresProtocol: false,
    auth: undefined,
    authenticators: [],
    ...changes,
  };
  return { key: JSON.stringify(terms), ...terms };
}

export function smtpTransport(port: number, changes: Partial<SmtpTransport> = {}): SmtpTransport {
  const terms = hostTerms();
  return {
    driver: "smtp",
    name: "smarthost_smtp",
    key: JSON.stringify({ ...changes, terms: undefined }),
    hosts: ["127.0.0.1"],
    randomizesHosts: false,
    fallbackHosts: [],
    own: { addresses: [], ports: new Set() },
    port,
    isLmtp: false,
    startsWithTls: false,
    maxTry: 5,
    maxTryHard: 50,
    keepsAlive: true,
    dscp: undefined,
    utf8Downconvert: undefined,
    sizeAddition: 1024,
    ignoresQuota: false,
    lineLengthLimit: 998,
    triesClear: true,
    minDhBits: 1024,
    retriesByAddress: true,
    retriesBySender: true,
    delaysAfterCutoff: true,
    terms,
    termsFor: () => Promise.resolve(terms),
    connectTimeoutMs: TIMEOUT_MS,
    commandTimeoutMs: TIMEOUT_MS,
    dataTimeoutMs: TIMEOUT_MS,
    finalTimeoutMs: TIMEOUT_MS,
    maxRcpt: 100,
    connectionMaxMessages: 500,
    maxConnections: 4,
    isLimitOfFleet: false,
    verifiesRequireTls: true,
    redactsBounces: true,
    ...changes,
  };
}

export function deliveryItem(recipients: readonly string[], changes: Partial<DeliveryItem> = {}): DeliveryItem {
  return {
    v: 1,
    messageId: "1vMhGf-0000000012a-0Ab3",
    returnPath: "s@a.test",
    recipients: recipients.map((address) => ({ address })),
    receivedAtMs: 1_795_224_996_000,
    queuedAtMs: 1_795_224_996_242,
    attempt: 1,
    reception: { protocol: "esmtp", size: 100 },
    router: "smarthost",
    transport: "smarthost_smtp",
    domain: "b.test",
    ...changes,
  };
}

export const inline = (text: string): Content => ({ kind: "inline", octets: Buffer.from(text, "latin1") });

export interface SendOptions {
  readonly recipients?: readonly string[];
  readonly content?: Content;
  readonly item?: Partial<DeliveryItem>;
  readonly isHeld?: () => boolean;
}

const contexts = clientContexts({ warn: () => undefined });

interface RigOptions {
  readonly idleMs?: number;
  /** How long a host is known before messages follow each other closely. */
  readonly steadyMs?: number;
  readonly spool?: Pick<Spool, "read">;
  /** Shared with other rigs, as other replicas. */
  readonly retries?: HostRetriesDeps;
  /** How many processes deliver. */
  readonly share?: () => number;
  /** Of hosts that only one process may use. */
  readonly leases?: HostLeases;
}

/** A pool of its own, and deliveries through it. */
export class Rig {
  readonly pool: ConnectionPool;
  readonly spool: Pick<Spool, "read">;
  readonly #retries: HostRetriesDeps | undefined;
  readonly #keys = new SigningKeys();
  readonly #controller = new AbortController();

  constructor({ idleMs = 10_000, steadyMs = 0, spool = noSpool, retries, share, leases }: RigOptions = {}) {
    this.pool = new ConnectionPool({
      idleMs,
      sweepMs: 20,
      steadyMs,
      contexts,
      ...(share && { share }),
      ...(leases && { leases }),
    });
    this.spool = spool;
    this.#retries = retries;
  }

  deliver(transport: SmtpTransport, options: SendOptions = {}): Promise<AttemptReport> {
    const { recipients = ["r@b.test"], content = inline("Subject: x\r\n\r\nhello\r\n"), isHeld = () => true } = options;
    const work = { id: "1vMhGf-0000000012a-0Ab3_0_1", handedOut: 1, isHeld, signal: this.#controller.signal };
    const retries = this.#retries === undefined ? {} : { retries: this.#retries };
    const deps = {
      ...{ pool: this.pool, addresses: new AddressCache(), spool: this.spool, signingKeys: this.#keys },
      ...retries,
    };
    return deliverBySmtp({ work, item: deliveryItem(recipients, options.item), content }, transport, deps);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
  }
}

const noSpool: Pick<Spool, "read"> = {
  read: () => {
    throw new Error("nothing is spooled here");
  },
};

/** One line for a result. */
export function shown(result: AttemptResult | undefined): string {
  if (result === undefined) return "nothing";
  const host = result.host === undefined ? "" : ` H=${result.host} [${result.hostAddress}]`;
  if (result.outcome === "deferred") return `deferred (${result.errno})${host}: ${result.text}`;
  if (result.outcome === "failed") return `failed${host}: ${result.text}`;
  return `delivered${host}${result.reused ? "*" : ""} C="${result.confirmation}"`;
}
