import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { Variables } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { failureText } from "../../../expansion/failures.ts";
import { derived, textOf, type Value } from "../../../expansion/value.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import { splitList } from "../../../matching/split-list.ts";
import { keySource } from "./key-source.ts";
import type { DkimSigning } from "./message-signing.ts";

/** The options, compiled; without these three there are no signatures, the others have defaults. */
export interface DkimOptions {
  readonly dkim_domain: Expansion;
  readonly dkim_selector: Expansion;
  readonly dkim_private_key: Expansion;
  readonly dkim_canon: Expansion;
  readonly dkim_hash: Expansion;
  readonly dkim_identity?: Expansion | undefined;
  readonly dkim_sign_headers: Expansion;
  readonly dkim_timestamps?: Expansion | undefined;
  readonly dkim_strict?: Expansion | undefined;
}

/** What the options come to for one message. */
export interface DkimSignings {
  readonly dkim: readonly DkimSigning[];
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Signatures that one message can get: more would be a header of kilobytes. */
const MAX_SIGNATURES = 20;

/** An option cannot be expanded, or makes no sense. */
class OptionProblem extends Error {
  override readonly name = "OptionProblem";
}

/**
 * The signatures of a message: for each domain, for each of its selectors (Exim's manual, "Signing outgoing messages"). What is
 * expanded for a signature knows `$dkim_domain` and `$dkim_selector`.
 */
export async function dkimSignings(
  options: DkimOptions,
  variables: Variables,
  shared: SharedSurroundings,
): Promise<DkimSignings> {
  const dkim: DkimSigning[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  const seen = new Set<string>();
  const value = (name: keyof DkimOptions, known: Variables): Promise<Value> =>
    expanded(name, options[name], known, shared);

  const tried = async (make: () => Promise<void>): Promise<void> => {
    try {
      await make();
    } catch (err) {
      if (!(err instanceof OptionProblem)) throw err;
      problems.push(err.message);
    }
  };
  const sign = async (domain: string, selector: string, known: Variables): Promise<void> => {
    const text = async (name: keyof DkimOptions): Promise<string> => textOf(await value(name, known)).trim();
    const privateKey = await value("dkim_private_key", known);
    if (["", "0", "false"].includes(textOf(privateKey).trim())) return;
    const key = keySource(privateKey, "dkim_private_key");
    if (typeof key === "string") throw new OptionProblem(key);
    const canon = await text("dkim_canon");
    if (canon !== "simple" && canon !== "relaxed")
      notes.push(` DKIM: unknown canonicalization method '${canon}', defaulting to 'relaxed'.`);
    const hash = await text("dkim_hash");
    if (hash !== "sha256" && hash !== "sha512") throw new OptionProblem(`DKIM: bad hash specification '${hash}'`);
    const identity = await text("dkim_identity");
    const lifetime = await text("dkim_timestamps");
    if (lifetime !== "" && !/^[0-9]{1,10}$/.test(lifetime))
      throw new OptionProblem(`DKIM: bad timestamps '${lifetime}'`);
    for (const [tag, word] of [
      ["d", domain],
      ["s", selector],
      ["i", identity],
    ] as const)
      if (/[^!-:<-~]/.test(word)) throw new OptionProblem(`DKIM: bad character in ${tag}=`);
    if (identity !== "" && !isWithin(identity, domain))
      throw new OptionProblem(`DKIM: dkim_identity '${identity}' is outside of ${domain}`);
    const names = [...splitList(await text("dkim_sign_headers")).items].filter((item) => NAME.test(item));
    if (!names.some((name) => /^[=+]?from$/i.test(name)))
      throw new OptionProblem("DKIM: From is not in dkim_sign_headers");
    dkim.push({
      ...{ domain, selector, key, canonicalization: canon === "simple" ? "simple" : "relaxed", hash, fields: names },
      ...(identity === "" ? {} : { identity }),
      ...(lifetime === "" ? {} : { lifetimeS: Number(lifetime) }),
    });
  };

  await tried(async () => {
    const domains = await value("dkim_domain", variables);
    for (const item of splitList(textOf(domains)).items) {
      const domain = item.toLowerCase();
      if (domain === "" || seen.has(domain)) continue;
      seen.add(domain);
      const ofDomain = withVariable(variables, "dkim_domain", derived(domains, domain));
      await tried(async () => {
        const selectors = await value("dkim_selector", ofDomain);
        for (const selector of splitList(textOf(selectors)).items) {
          if (selector === "" || dkim.length >= MAX_SIGNATURES) continue;
          const known = withVariable(ofDomain, "dkim_selector", derived(selectors, selector));
          await tried(() => sign(domain, selector, known));
        }
      });
    }
  });
  return { dkim, problems, notes };
}

/** With what may stand before it. */
const NAME = /^[=+]?[!-9;-~]+$/;

/** RFC 6376 §3.5, i=: nobody takes another one. */
const isWithin = (identity: string, domain: string): boolean => {
  const [, of] = /@([^@]+)$/.exec(identity.toLowerCase()) ?? [];
  return of !== undefined && (of === domain || of.endsWith(`.${domain}`));
};

const withVariable = (variables: Variables, name: string, value: Value): Variables => ({
  get: (asked) => (asked === name ? value : variables.get(asked)),
  headers: variables.headers,
});

/** One that is made to fail has failed, as in Exim. @throws {OptionProblem} */
async function expanded(
  name: string,
  expansion: Expansion | undefined,
  variables: Variables,
  shared: SharedSurroundings,
): Promise<Value> {
  if (expansion === undefined) return "";
  try {
    return await expansion.run(createEvaluation({ ...shared, variables }));
  } catch (err) {
    const text = failureText(err);
    if (text === undefined) throw err;
    throw new OptionProblem(`failed to expand ${name}: ${text}`, { cause: err });
  }
}
