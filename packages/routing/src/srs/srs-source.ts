import { type Configuration, compileExpansion, type Expansion, splitList, textOf } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { type SrsOptions, type SrsSettings, srsSettings } from "./srs-settings.ts";

type Fixed = Omit<SrsOptions, "config" | "secrets">;

/** The `srs_…` options of the main section. Lists are expanded when they are needed, so that secrets may stand in files. */
export class SrsSource {
  readonly #config: Expansion | undefined;
  readonly #secrets: Expansion | undefined;
  readonly #fixed: Fixed;

  constructor({ main }: Pick<Configuration, "main">) {
    const [config, secrets] = [main.get("srs_config"), main.get("srs_secrets")];
    this.#config = config === undefined ? undefined : compileExpansion(config);
    this.#secrets = secrets === undefined ? undefined : compileExpansion(secrets);
    this.#fixed = {
      maxAgeDays: main.get("srs_maxage"),
      hashLength: main.get("srs_hashlength"),
      hashMin: main.get("srs_hashmin"),
      usesTimestamp: main.get("srs_usetimestamp"),
      usesHash: main.get("srs_usehash"),
      isHashSafe: main.get("srs_safe_hash"),
    };
  }

  /** @returns what is wrong, in words that hold no secret. */
  async settings(attempt: Attempt): Promise<SrsSettings | string> {
    const config = await items(this.#config, attempt);
    if (config === undefined) return "SRS Configuration Error: srs_config cannot be expanded";
    const secrets = await items(this.#secrets, attempt);
    if (secrets === undefined) return "SRS Configuration Error: srs_secrets cannot be expanded";
    return srsSettings({ ...this.#fixed, config, secrets });
  }
}

/** @returns undefined: it cannot be expanded. */
async function items(list: Expansion | undefined, attempt: Attempt): Promise<readonly string[] | undefined> {
  if (list === undefined) return [];
  const expanded = await attempt.expand(list);
  return expanded.kind === "value" ? [...splitList(textOf(expanded.value)).items] : undefined;
}
