import {
  type BmiVerdictOctets,
  bmiKey,
  decodeBmiVerdict,
  encodeBmiTracker,
  encodeBmiVerdict,
} from "@postbus/contracts";

/** What BMI says about a recipient. */
export interface BmiVerdict {
  readonly deliver: "default" | "alternate" | "none";
  /** Numbers of the rules that fired. */
  readonly rules: readonly number[];
  readonly alternateLocation: string;
  /** About this recipient alone: whoever reads it in a header field is not to learn of the others. */
  readonly base64Verdict: string;
  readonly base64TrackerVerdict: string;
}

/** The verdicts that a message carries, by recipient. */
export class BmiVerdicts {
  readonly #byAddress = new Map<string, BmiVerdictOctets>();
  readonly #count: number;

  /** @param encoded As they travel; what cannot be read is none. */
  constructor(encoded: readonly string[]) {
    const verdicts = encoded.map(decodeBmiVerdict).filter((verdict) => verdict !== undefined);
    this.#count = verdicts.length;
    for (const verdict of verdicts) {
      // Of several, the first counts.
      for (const address of verdict.r) this.#byAddress.getOrInsert(bmiKey(address), verdict);
    }
  }

  /** Of a recipient as it was received. */
  of(address: string): BmiVerdict | undefined {
    const verdict = this.#byAddress.get(bmiKey(address));
    return verdict === undefined ? undefined : about(verdict, address);
  }

  /** What holds for all recipients of the message; undefined: they differ, or there is none. */
  ofAll(): BmiVerdict | undefined {
    const [first] = this.#byAddress;
    return this.#count === 1 && first !== undefined ? about(first[1], ...first[1].r) : undefined;
  }
}

function about(verdict: BmiVerdictOctets, ...addresses: readonly string[]): BmiVerdict {
  const { d, f, e } = verdict;
  const alternateLocation = typeof d === "object" && e === 0 ? d.alt : "";
  return {
    deliver: e === 1 || d === "default" ? "default" : d === "drop" ? "none" : "alternate",
    rules: e === 1 ? [] : f,
    alternateLocation,
    base64Verdict: encodeBmiVerdict({ ...verdict, r: [...addresses] }),
    base64TrackerVerdict: encodeBmiTracker(verdict),
  };
}
