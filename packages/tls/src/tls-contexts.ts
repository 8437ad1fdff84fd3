import { statSync } from "node:fs";
import { type ContextSettings, filesOf, proofFilesOf } from "./context-settings.ts";
import { type CertificateState, certificateState } from "./ocsp/certificate-state.ts";
import { loadStaples, type ProofProblem, type ProofSource } from "./ocsp/load-staples.ts";
import { type OcspProof, proofFaultAt } from "./ocsp/ocsp-proof.ts";
import { loadTlsContext, type TlsContext } from "./tls-context.ts";

/** A context takes some tens of kilobytes, with the system's authorities some hundreds; clients choose by SNI among them. */
const MAX_CONTEXTS = 256;

interface Entry {
  context: TlsContext | undefined;
  /** Of the files, when they were read. */
  version: string;
  /** Of files that could not be used: they are not read again until they have changed. */
  badVersion: string | undefined;
  /** Of the files with proofs. */
  proofVersion: string;
  loading: Promise<TlsContext> | undefined;
  /** Monotonic milliseconds of the last look at the files. */
  lookedAtMs: number;
}

interface Limits {
  readonly contexts?: number;
  /** Files are looked at so often and not more: a look costs some of the time of a handshake. Default: each time. */
  readonly lookEveryMs?: number;
}

/**
 * Contexts by their settings, read again when a file has changed: the next handshake has the new certificate, connections
 * that are open keep theirs. Files that are half written or wrong leave the context as it was, which is told once. Proofs of
 * OCSP are read again without the certificates; where they cannot be used, there are none.
 */
export class TlsContexts {
  readonly #entries = new Map<string, Entry>();
  readonly #onTrouble: (problem: unknown) => void;
  readonly #onProofProblem: (problem: ProofProblem) => void;
  /** Those of which it has been told. */
  readonly #expired = new WeakSet<OcspProof>();
  readonly #proofSource: ProofSource | undefined;
  readonly #maxContexts: number;
  readonly #lookEveryMs: number;
  /** Most handshakes are made with the same settings. */
  readonly #keys = new WeakMap<ContextSettings, string>();

  /**
   * @param onTrouble Files have changed, and cannot be used.
   * @param onProofProblem A file of proofs gives none.
   * @param proofSource Of certificates without such a file, where the settings want it.
   */
  constructor(
    onTrouble: (problem: unknown) => void,
    onProofProblem: (problem: ProofProblem) => void,
    proofSource?: ProofSource,
    { contexts = MAX_CONTEXTS, lookEveryMs = 0 }: Limits = {},
  ) {
    this.#lookEveryMs = lookEveryMs;
    this.#proofSource = proofSource;
    this.#onTrouble = onTrouble;
    this.#onProofProblem = onProofProblem;
    this.#maxContexts = contexts;
  }

  /** The certificates that are in use now, for those who count; each once. */
  get certificates(): readonly CertificateState[] {
    const all = new Map<string, CertificateState>();
    for (const { context } of this.#entries.values()) {
      for (const one of context?.certificates ?? []) {
        const staple = context?.staples.find(({ certificate }) => certificate === one);
        all.set(one.file, certificateState(one, staple, Date.now()));
      }
    }
    return [...all.values()];
  }

  /**
   * The context for a handshake that begins now.
   *
   * @throws {ConfigError} it cannot be made, and there is no older one; so does the promise.
   */
  get(settings: ContextSettings): TlsContext | Promise<TlsContext> {
    const key = this.#keyOf(settings);
    const entry = this.#entryOf(key);
    const { context } = entry;
    const nowMs = performance.now();
    if (context !== undefined && nowMs - entry.lookedAtMs < this.#lookEveryMs) return context;
    entry.lookedAtMs = nowMs;
    const version = versionOf(filesOf(settings));
    const proofVersion = versionOf(proofFilesOf(settings));
    if (context !== undefined && (entry.version === version || entry.badVersion === version)) {
      if (entry.proofVersion === proofVersion) {
        this.#noteExpiry(context);
        return context;
      }
      entry.loading ??= this.#loadProofs(entry, settings, context, proofVersion).finally(() => {
        entry.loading = undefined;
      });
      return entry.loading;
    }
    entry.loading ??= this.#load(key, entry, settings, version, proofVersion);
    return entry.loading;
  }

  #keyOf(settings: ContextSettings): string {
    let key = this.#keys.get(settings);
    if (key === undefined) {
      key = JSON.stringify(settings);
      this.#keys.set(settings, key);
    }
    return key;
  }

  /** The least recently used one goes when there are too many. */
  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    const entry = known ?? newEntry();
    if (known !== undefined) this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#maxContexts) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return entry;
  }

  async #load(
    key: string,
    entry: Entry,
    settings: ContextSettings,
    version: string,
    proofVersion: string,
  ): Promise<TlsContext> {
    try {
      const made = { ...(await loadTlsContext(settings)), staples: entry.context?.staples ?? [] };
      const context = await this.#loadProofs(entry, settings, made, proofVersion);
      entry.version = version;
      entry.badVersion = undefined;
      return context;
    } catch (err) {
      if (entry.context === undefined) {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        throw err;
      }
      entry.badVersion = version;
      this.#onTrouble(err);
      return entry.context;
    } finally {
      entry.loading = undefined;
    }
  }

  /** Nobody has changed the file when it was time. */
  #noteExpiry({ staples }: TlsContext): void {
    for (const { certificate, file, proof } of staples) {
      if (proof === undefined || this.#expired.has(proof) || proofFaultAt(proof, Date.now()) !== "expired") continue;
      this.#expired.add(proof);
      const text = "it has expired since it was read";
      this.#onProofProblem({ file, certificate: certificate.file, fault: "expired", text });
    }
  }

  /** Beside a context whose certificates stay. It does not fail: without proofs, handshakes go on. */
  async #loadProofs(
    entry: Entry,
    { proofFiles = [], fetchesProofs = false }: ContextSettings,
    made: TlsContext,
    proofVersion: string,
  ): Promise<TlsContext> {
    const { certificates, staples: before } = made;
    const source = fetchesProofs ? this.#proofSource : undefined;
    const isAnswered = source !== undefined || proofFiles.some((one) => one !== undefined);
    const staples = isAnswered ? await loadStaples(certificates, proofFiles, before, source, this.#onProofProblem) : [];
    for (const { file, mustStaple } of certificates) {
      if (mustStaple && !staples.some((one) => one.certificate.file === file && one.hasSource)) {
        const text = "clients want a proof with this certificate (RFC 7633), and there is none";
        this.#onProofProblem({ file: undefined, certificate: file, fault: "none", text });
      }
    }
    entry.context = { ...made, staples };
    entry.proofVersion = proofVersion;
    return entry.context;
  }
}

const newEntry = (): Entry => ({
  context: undefined,
  version: "",
  badVersion: undefined,
  proofVersion: "",
  loading: undefined,
  lookedAtMs: Number.NEGATIVE_INFINITY,
});

/**
 * What a change of the files changes: time, size and inode of each. Looked at before they are read, so that a change
 * while they are is seen the next time. Without waiting, for each handshake asks: a look takes some microseconds.
 */
function versionOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false, bigint: true });
      return found === undefined ? "none" : `${found.mtimeNs}/${found.size}/${found.ino}`;
    })
    .join(" ");
}
