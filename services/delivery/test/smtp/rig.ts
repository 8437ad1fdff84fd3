import type { Content, DeliveryItem } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Spool } from "@postbus/spool";
import type { AttemptReport } from "../../src/attempt.ts";
import { AddressCache } from "../../src/smtp/address-cache.ts";
import { ConnectionPool } from "../../src/smtp/connection-pool.ts";
import { deliverBySmtp } from "../../src/smtp/smtp-delivery.ts";
import { verifyingContexts } from "../../src/smtp/verifying-contexts.ts";

/** Short enough for a test, long enough for a busy machine; where a test waits for one, that is what it tests. */
const TIMEOUT_MS = 400;

export function smtpTransport(port: number, changes: Partial<SmtpTransport> = {}): SmtpTransport {
  return {
    driver: "smtp",
    name: "smarthost_smtp",
    hosts: ["127.0.0.1"],
    port,
    connectTimeoutMs: TIMEOUT_MS,
    commandTimeoutMs: TIMEOUT_MS,
    dataTimeoutMs: TIMEOUT_MS,
    finalTimeoutMs: TIMEOUT_MS,
    maxRcpt: 100,
    connectionMaxMessages: 500,
    maxConnections: 4,
    requireTls: false,
    authorities: "system",
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

const authorities = verifyingContexts({ warn: () => undefined });

/** A pool of its own, and deliveries through it. */
export class Rig {
  readonly pool: ConnectionPool;
  readonly spool: Pick<Spool, "read">;
  readonly #controller = new AbortController();

  constructor({ idleMs = 10_000, spool = noSpool }: { idleMs?: number; spool?: Pick<Spool, "read"> } = {}) {
    this.pool = new ConnectionPool({ heloName: () => "mx.a.test", idleMs, sweepMs: 20, authorities });
    this.spool = spool;
  }

  deliver(transport: SmtpTransport, options: SendOptions = {}): Promise<AttemptReport> {
    const { recipients = ["r@b.test"], content = inline("Subject: x\r\n\r\nhello\r\n"), isHeld = () => true } = options;
    const work = { id: "1vMhGf-0000000012a-0Ab3_0_1", handedOut: 1, isHeld, signal: this.#controller.signal };
    const deps = { pool: this.pool, addresses: new AddressCache(), spool: this.spool };
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
