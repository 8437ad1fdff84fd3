import { DeferError } from "@postbus/mail";
import { compileExpansion, type Expansion, type RouterSettings, Tainted, textOf } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { type DriverResult, deferred } from "../driver-result.ts";
import { isVerifying } from "../routing-context.ts";
import { type Forwarded, srsForward, srsForwardKey, srsKey } from "../srs/srs-forward.ts";
import { type Reversed, srsReverse } from "../srs/srs-reverse.ts";
import type { SrsSettings } from "../srs/srs-settings.ts";
import type { SrsStore } from "../srs/srs-store.ts";

type Settings = Extract<RouterSettings, { kind: "redirect" }>;

/** What is to be done before the list is expanded. @returns what ends the router, or the return path of what it makes. */
export type RunSrs = (attempt: Attempt) => Promise<DriverResult | { readonly srsSender: string | undefined }>;

const MODES: ReadonlySet<string> = new Set(["forward", "reverse", "reverseandforward"]);
const NOTHING = { srsSender: undefined };

/**
 * `srs` and its relatives, as Exim had them with libsrs_alt (its manual up to 4.94), with addresses in the form of Mail::SRS.
 * Undefined: they are not set.
 */
export function compileRedirectSrs({ options }: Settings): RunSrs | undefined {
  const mode = options.get("srs") ?? "";
  if (!MODES.has(mode)) return undefined;
  const srs = new RedirectSrs({
    reverses: mode !== "forward",
    forwards: mode !== "reverse",
    alias: expansion(options.get("srs_alias")),
    condition: expansion(options.get("srs_condition")),
    insert: storing(options.get("srs_dbinsert")),
    select: storing(options.get("srs_dbselect")),
  });
  return (attempt) => srs.run(attempt);
}

const expansion = (text: string | undefined): Expansion | undefined =>
  text === undefined ? undefined : compileExpansion(text);

/** A lookup, or the store of the bus. */
const storing = (text: string | undefined): Expansion | typeof BUILTIN | undefined =>
  text?.trim() === BUILTIN ? BUILTIN : expansion(text);

const BUILTIN = "builtin";
const DAY_MS = 86_400_000;

interface Options {
  readonly reverses: boolean;
  readonly forwards: boolean;
  readonly alias: Expansion | undefined;
  readonly condition: Expansion | undefined;
  readonly insert: Expansion | typeof BUILTIN | undefined;
  readonly select: Expansion | typeof BUILTIN | undefined;
}

class RedirectSrs {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async run(attempt: Attempt): Promise<DriverResult | { readonly srsSender: string | undefined }> {
    const { condition, reverses, forwards, insert, select } = this.#options;
    if (condition !== undefined) {
      const holds = await this.#expanded(attempt, condition, "srs_condition");
      if (typeof holds === "object") return holds;
      if (/^(?:0|no|false|)$/i.test(holds)) return NOTHING;
    }
    if (reverses && forwards && (insert === undefined) !== (select === undefined)) {
      return failure(attempt, "srs_dbinsert and srs_dbselect have to be set both, or none of them");
    }
    const settings = await attempt.run.settings.srs.settings(attempt);
    if (typeof settings === "string") return failure(attempt, settings);
    if (reverses) {
      const ended = await this.#reverse(attempt, settings);
      if (ended !== undefined) return ended;
    }
    const { context } = attempt.run;
    if (!forwards || isVerifying(context) || context.returnPath === "") return NOTHING;
    return this.#forward(attempt, settings);
  }

  /** Puts the address that it leads back to into `$srs_recipient`. Undefined: done. */
  async #reverse(attempt: Attempt, settings: SrsSettings): Promise<DriverResult | undefined> {
    const { address, run, evaluation } = attempt;
    set(attempt, "srs_orig_recipient", address.text);
    const reversed = srsReverse(address.text, settings, evaluation.around.now());
    set(attempt, "srs_status", STATUS[reversed.kind === "bad" ? reversed.why : reversed.kind]);
    if (reversed.kind === "none") return { kind: "declined", why: "not an SRS address" };
    if (reversed.kind === "bad") return { kind: "failed", text: WORDS[reversed.why] };
    if (reversed.isFolded) run.context.warn?.(`SRS: letters of ${address.text} have changed their case on the way`);
    const found = await this.#leadsTo(attempt, reversed);
    if (typeof found === "object") return found;
    set(attempt, "srs_recipient", found);
    return undefined;
  }

  async #leadsTo(
    attempt: Attempt,
    reversed: Extract<Reversed, { kind: "address" | "key" }>,
  ): Promise<string | DriverResult> {
    const { select } = this.#options;
    if (reversed.kind === "address") return reversed.address;
    if (select === undefined) return failure(attempt, "the address is in a database, and srs_dbselect is not set");
    set(attempt, "srs_db_key", reversed.key);
    const found =
      select === BUILTIN
        ? await fromStore(attempt, reversed.key)
        : await this.#expanded(attempt, select, "srs_dbselect");
    if (typeof found === "object") return found;
    const address = found.trim();
    return address === "" ? failure(attempt, "srs_dbselect has found no address") : address;
  }

  async #forward(
    attempt: Attempt,
    settings: SrsSettings,
  ): Promise<DriverResult | { readonly srsSender: string | undefined }> {
    const { alias, insert } = this.#options;
    const { returnPath, purpose } = attempt.run.context;
    set(attempt, "srs_orig_sender", returnPath);
    const domain = alias === undefined ? attempt.address.domain : await this.#expanded(attempt, alias, "srs_alias");
    if (typeof domain === "object") return domain;
    if (domain === "") return failure(attempt, "srs_alias is empty");
    const nowMs = attempt.evaluation.around.now();
    let forwarded: Forwarded;
    if (insert === undefined) forwarded = srsForward(returnPath, domain, settings, nowMs);
    else {
      const key = srsKey(returnPath, settings, nowMs);
      set(attempt, "srs_db_key", key);
      set(attempt, "srs_db_address", returnPath);
      // Who only looks where an address goes changes nothing.
      const kept = purpose === "deliver" ? await this.#kept(attempt, insert, key, settings) : "";
      if (typeof kept === "object") return kept;
      forwarded = srsForwardKey(key, domain, settings, nowMs);
    }
    if ("problem" in forwarded) return failure(attempt, forwarded.problem);
    set(attempt, "srs_status", STATUS.address);
    return { srsSender: forwarded.address };
  }

  #kept(
    attempt: Attempt,
    insert: NonNullable<Options["insert"]>,
    key: string,
    { maxAgeDays }: SrsSettings,
  ): Promise<string | DriverResult> {
    if (insert !== BUILTIN) return this.#expanded(attempt, insert, "srs_dbinsert");
    const { returnPath } = attempt.run.context;
    return ofStore(attempt, async (store) => {
      await store.keep(key, returnPath, (maxAgeDays + 1) * DAY_MS);
      return "";
    });
  }

  /** Without the option's text in what it says: it may hold a secret. */
  async #expanded(attempt: Attempt, text: Expansion, option: string): Promise<string | DriverResult> {
    const expanded = await attempt.expand(text);
    return expanded.kind === "value" ? textOf(expanded.value) : failure(attempt, `failed to expand ${option}`);
  }
}

const fromStore = (attempt: Attempt, key: string): Promise<string | DriverResult> =>
  ofStore(attempt, async (store) => (await store.find(key)) ?? "");

async function ofStore(attempt: Attempt, ask: (store: SrsStore) => Promise<string>): Promise<string | DriverResult> {
  const { srsStore } = attempt.run.context;
  if (srsStore === undefined) return failure(attempt, "the builtin store is not to be had here");
  try {
    return await ask(srsStore);
  } catch (err) {
    if (err instanceof DeferError) return failure(attempt, err.message);
    throw err;
  }
}

const STATUS = { address: "ok", key: "ok", none: "notsrs", badhash: "badhash", expired: "expired" } as const;
const WORDS = { badhash: "SRS address has a wrong hash", expired: "SRS address has expired" } as const;

function failure(attempt: Attempt, text: string): DriverResult {
  set(attempt, "srs_status", "error");
  attempt.run.context.warn?.(`${attempt.router.name} router: SRS: ${text}`);
  return deferred(text.startsWith("SRS ") ? text : `SRS: ${text}`);
}

/** What is in it came from a peer. */
function set({ evaluation }: Attempt, name: string, text: string): void {
  evaluation.locals.set(name, name === "srs_status" ? text : new Tainted(text));
}
