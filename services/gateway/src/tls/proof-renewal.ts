import type { Entry, KeyValue } from "@postbus/bus";
import type { Part } from "@postbus/service-kit";
import {
  certificateDetails,
  checkOcspProof,
  fetchProof,
  type OcspProof,
  type OwnCertificate,
  proofFaultAt,
} from "@postbus/tls";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import { Value } from "typebox/value";
import { claimed, failed, keptMs, renewed, StoredProof } from "./stored-proof.ts";

/** How often the store is looked at. */
const TICK_MS = 30_000;
/** A certificate that nobody has shown for so long is one of an older policy. */
const IDLE_MS = 86_400_000;
/** As many as there are contexts: clients choose among them by name. */
const MAX_CERTIFICATES = 256;

interface Watched {
  readonly certificate: OwnCertificate;
  wantedAtMs: number;
  proof: OcspProof | undefined;
  /** Revision of the entry that the proof was read from. */
  revision: number | undefined;
  isBusy: boolean;
  /** Nobody can be asked about it, which has been told. */
  isHopeless: boolean;
}

export interface ProofRenewalDeps {
  readonly values: Pick<KeyValue, "get" | "create" | "update">;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly metrics: Registry;
  readonly fetch?: typeof fetchProof;
  readonly now?: () => number;
  readonly random?: () => number;
}

/**
 * Fetches the proofs of certificates and renews them (`tls_ocsp_fetch`). They are kept in the key-value store: of all
 * gateways one asks the responder, whoever has changed the entry first, and a gateway that starts has what was there before.
 * What a responder does not give is tried again after a pause that grows, and the old proof is shown until it ends.
 */
export class ProofRenewal implements Part {
  readonly name = "ocsp";
  readonly #deps: ProofRenewalDeps;
  readonly #fetch: typeof fetchProof;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #watched = new Map<string, Watched>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #fetches: Counter<"result">;

  constructor(deps: ProofRenewalDeps) {
    this.#deps = deps;
    this.#fetch = deps.fetch ?? fetchProof;
    this.#now = deps.now ?? Date.now;
    this.#random = deps.random ?? Math.random;
    this.#fetches = new Counter({
      name: "postbus_gateway_ocsp_fetches_total",
      help: "questions to OCSP responders, by what came of them",
      labelNames: ["result"],
      registers: [deps.metrics],
    });
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** What there is to show now for a certificate; from the first time on, it is looked after. */
  proofOf(certificate: OwnCertificate): OcspProof | undefined {
    const id = certificate.leaf.fingerprint256;
    const known = this.#watched.get(id);
    if (known !== undefined) {
      known.wantedAtMs = this.#now();
      return known.proof;
    }
    if (this.#watched.size >= MAX_CERTIFICATES || this.#stopped.signal.aborted) return undefined;
    const one: Watched = {
      certificate,
      wantedAtMs: this.#now(),
      proof: undefined,
      revision: undefined,
      isBusy: false,
      isHopeless: false,
    };
    this.#watched.set(id, one);
    this.#begin(one);
    return undefined;
  }

  /** Looks at all of them. */
  tick(): void {
    for (const [id, one] of this.#watched) {
      if (this.#now() - one.wantedAtMs > IDLE_MS) this.#watched.delete(id);
      else this.#begin(one);
    }
  }

  /** Resolves when nothing is being looked at. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.settled();
  }

  #begin(one: Watched): void {
    if (one.isBusy || one.isHopeless) return;
    one.isBusy = true;
    const { file: certificate } = one.certificate;
    const run = this.#look(one)
      .catch((err: unknown) => this.#deps.log.warn({ err, certificate }, "OCSP proofs: the store does not answer"))
      .finally(() => {
        one.isBusy = false;
        this.#running.delete(run);
      });
    this.#running.add(run);
  }

  async #look(one: Watched): Promise<void> {
    const { values } = this.#deps;
    const key = `ocsp/${one.certificate.leaf.fingerprint256.replaceAll(":", "")}`;
    const entry = await values.get(key);
    const stored = Value.Check(StoredProof, entry?.value) ? entry.value : undefined;
    this.#take(one, entry, stored);
    const nowMs = this.#now();
    if (stored !== undefined && nowMs < stored.nextMs) return;
    const question = this.#question(one);
    if (question === undefined) return;
    const revision = await this.#write(key, claimed(stored, nowMs), entry?.revision);
    // Somebody else asks.
    if (revision === undefined) return;
    const next = await this.#ask(one, question, stored);
    // We stop: the claim ends by itself.
    if (next === undefined) return;
    // If the claim was lost meanwhile, another one has asked; what was found is as good.
    await this.#write(key, next, revision);
    this.#take(one, undefined, next);
  }

  /** What another gateway has found, or what was found before a restart. */
  #take(one: Watched, entry: Entry | undefined, stored: StoredProof | undefined): void {
    if (entry !== undefined && entry.revision === one.revision) return;
    one.revision = entry?.revision;
    const { leaf: certificate, issuer } = one.certificate;
    const octets = stored?.proof;
    if (octets === undefined) {
      one.proof = undefined;
      return;
    }
    const checked = checkOcspProof(Buffer.from(octets, "base64"), { certificate, issuer }, this.#now());
    one.proof = "fault" in checked ? undefined : checked;
  }

  #question(one: Watched): Omit<Parameters<typeof fetchProof>[0], "signal"> | undefined {
    const { leaf: certificate, issuer, file } = one.certificate;
    const url = certificateDetails(certificate).responders.find((responder) => /^https?:/i.test(responder));
    if (url !== undefined && issuer !== undefined) return { certificate, issuer, url };
    one.isHopeless = true;
    const lacks = url === undefined ? "it names no responder" : "its issuer's certificate is not in its file";
    this.#deps.log.warn({ certificate: file, lacks }, "no OCSP proof can be fetched for a certificate");
    return undefined;
  }

  async #ask(
    one: Watched,
    question: Omit<Parameters<typeof fetchProof>[0], "signal">,
    stored: StoredProof | undefined,
  ): Promise<StoredProof | undefined> {
    const { log } = this.#deps;
    const about = { certificate: one.certificate.file, responder: question.url };
    let isRevoked = false;
    let problem: unknown;
    try {
      const found = await this.#fetch({ ...question, signal: this.#stopped.signal });
      if (!("fault" in found)) {
        this.#fetches.inc({ result: "good" });
        const next = renewed(found, this.#now(), this.#random());
        log.info({ ...about, nextUpdate: new Date(found.nextUpdateMs).toISOString() }, "OCSP proof fetched");
        return next;
      }
      isRevoked = found.fault === "revoked";
      problem = found.text;
    } catch (err) {
      if (this.#stopped.signal.aborted) return undefined;
      problem = err;
    }
    this.#fetches.inc({ result: "failed" });
    const next = failed(stored, this.#now(), this.#random(), !isRevoked);
    const isShown = one.proof !== undefined && proofFaultAt(one.proof, this.#now()) === undefined && !isRevoked;
    const facts = { ...about, isShown, failures: next.failures, nextTry: new Date(next.nextMs).toISOString() };
    log.warn({ ...facts, ...(problem instanceof Error ? { err: problem } : { problem }) }, "no new OCSP proof");
    return next;
  }

  /** @returns undefined: somebody else has changed it. */
  #write(key: string, value: StoredProof, revision: number | undefined): Promise<number | undefined> {
    const { values } = this.#deps;
    const options = { ttlMs: keptMs(value, this.#now()) };
    return revision === undefined ? values.create(key, value, options) : values.update(key, value, revision, options);
  }
}
